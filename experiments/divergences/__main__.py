"""`python -m experiments.divergences`."""

import sys

from experiments.divergences.run import main

if __name__ == "__main__":
    sys.exit(main())
