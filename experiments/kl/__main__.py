"""`python -m experiments.kl`."""

import sys

from experiments.kl.run import main

if __name__ == "__main__":
    sys.exit(main())
