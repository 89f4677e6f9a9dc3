"""`python -m lrmf_tfp.cli`, the same as `lrmf-tfp`."""

from __future__ import annotations

import sys

from lrmf_tfp.cli.main import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
