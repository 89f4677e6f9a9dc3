"""`python -m experiments.surfaces`."""

import sys

from experiments.surfaces.run import main

if __name__ == "__main__":
    sys.exit(main())
