"""`python -m experiments.vanishing_gradient`."""

import sys

from experiments.vanishing_gradient.run import main

if __name__ == "__main__":
    sys.exit(main())
