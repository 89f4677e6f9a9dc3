"""`python -m experiments.moons`."""

import sys

from experiments.common.runner import run_experiment
from experiments.moons.config import Config
from experiments.moons.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("moons", Config, run))
