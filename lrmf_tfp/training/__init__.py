"""How an objective is minimised: one compiled engine with its settings and logs."""

from __future__ import annotations

from lrmf_tfp.optimizers import (
    SGD,
    Adam,
    ConstantSchedule,
    CosineSchedule,
    Optimizer,
    PolyakSGD,
    RMSProp,
)
from lrmf_tfp.training.callbacks import (
    Callback,
    CSVLogger,
    ProgressBar,
    TensorBoardLogger,
    TrainingEvent,
)
from lrmf_tfp.training.config import FitConfig, FitResult
from lrmf_tfp.training.distribution import Distribution, OneDevice, Replicas
from lrmf_tfp.training.engine import Trainer
from lrmf_tfp.training.interrupts import deferred_interrupts
from lrmf_tfp.training.plan import fit

__all__ = [
    "Adam",
    "CSVLogger",
    "Callback",
    "ConstantSchedule",
    "CosineSchedule",
    "Distribution",
    "FitConfig",
    "FitResult",
    "OneDevice",
    "Optimizer",
    "PolyakSGD",
    "ProgressBar",
    "RMSProp",
    "Replicas",
    "SGD",
    "TensorBoardLogger",
    "Trainer",
    "TrainingEvent",
    "deferred_interrupts",
    "fit",
]
