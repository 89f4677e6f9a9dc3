"""`python -m experiments.conditional`."""

import sys

from experiments.common.runner import run_experiment
from experiments.conditional.config import Config
from experiments.conditional.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("conditional", Config, run))
