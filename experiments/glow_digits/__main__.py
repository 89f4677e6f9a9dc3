"""`python -m experiments.glow_digits`."""

import sys

from experiments.glow_digits.run import main

if __name__ == "__main__":
    sys.exit(main())
