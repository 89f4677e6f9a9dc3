"""`python -m experiments.colour_transfer`."""

import sys

from experiments.colour_transfer.config import Config
from experiments.colour_transfer.run import run
from experiments.common.runner import run_experiment

if __name__ == "__main__":
    sys.exit(run_experiment("colour_transfer", Config, run))
