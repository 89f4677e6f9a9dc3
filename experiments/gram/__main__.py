"""`python -m experiments.gram`."""

import sys

from experiments.gram.run import main

if __name__ == "__main__":
    sys.exit(main())
