"""`python -m experiments.glow_digits`."""

import sys

from experiments.common.runner import run_experiment
from experiments.glow_digits.config import Config
from experiments.glow_digits.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("glow_digits", Config, run))
