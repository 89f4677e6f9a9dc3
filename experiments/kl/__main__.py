"""`python -m experiments.kl`."""

import sys

from experiments.common.runner import run_experiment
from experiments.kl.config import Config
from experiments.kl.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("kl", Config, run))
