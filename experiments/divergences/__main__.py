"""`python -m experiments.divergences`."""

import sys

from experiments.common.runner import run_experiment
from experiments.divergences.config import Config
from experiments.divergences.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("divergences", Config, run))
