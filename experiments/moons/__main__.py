"""`python -m experiments.moons`."""

import sys

from experiments.moons.run import main

if __name__ == "__main__":
    sys.exit(main())
