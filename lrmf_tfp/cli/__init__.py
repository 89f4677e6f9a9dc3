"""The command line, `lrmf-tfp align | transform | score`.

Everything typed is checked before TensorFlow is imported, so that a mistake is answered at once.
Results go to stdout, progress to stderr.
"""

from __future__ import annotations

from lrmf_tfp.cli.main import main

__all__ = ["main"]
