"""`python -m experiments.critics`."""

import sys

from experiments.common.runner import run_experiment
from experiments.critics.config import Config
from experiments.critics.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("critics", Config, run))
