"""`python -m experiments.gaussians`."""

import sys

from experiments.gaussians.run import main

if __name__ == "__main__":
    sys.exit(main())
