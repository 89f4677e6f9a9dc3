"""`python -m experiments.digits`."""

import sys

from experiments.common.runner import run_experiment
from experiments.digits.config import Config
from experiments.digits.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("digits", Config, run))
