"""`python -m experiments.gram`."""

import sys

from experiments.common.runner import run_experiment
from experiments.gram.config import Config
from experiments.gram.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("gram", Config, run))
