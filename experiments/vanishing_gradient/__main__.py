"""`python -m experiments.vanishing_gradient`."""

import sys

from experiments.common.runner import run_experiment
from experiments.vanishing_gradient.config import Config
from experiments.vanishing_gradient.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("vanishing_gradient", Config, run))
