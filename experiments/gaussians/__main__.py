"""`python -m experiments.gaussians`."""

import sys

from experiments.common.runner import run_experiment
from experiments.gaussians.config import Config
from experiments.gaussians.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("gaussians", Config, run))
