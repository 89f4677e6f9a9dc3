"""`python -m experiments.surfaces`."""

import sys

from experiments.common.runner import run_experiment
from experiments.surfaces.config import Config
from experiments.surfaces.run import run

if __name__ == "__main__":
    sys.exit(run_experiment("surfaces", Config, run))
