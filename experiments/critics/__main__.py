"""`python -m experiments.critics`."""

import sys

from experiments.critics.run import main

if __name__ == "__main__":
    sys.exit(main())
