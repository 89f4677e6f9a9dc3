"""`python -m experiments.colour_transfer`."""

import sys

from experiments.colour_transfer.run import main

if __name__ == "__main__":
    sys.exit(main())
