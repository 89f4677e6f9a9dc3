"""Samples from and to `.npy`, `.npz` and `.csv` files.

What is read remembers how it was written (format, header, key, delimiter), so that moved samples
go back in the form their source came in. A file is a stranger's: declared sizes are compared
with what is there before anything is allocated, and pickles are never loaded.
"""

from __future__ import annotations

from lrmf_tfp.datasets.files.reading import read_samples
from lrmf_tfp.datasets.files.sample_file import SampleFile
from lrmf_tfp.datasets.files.writing import write_samples

__all__ = ["SampleFile", "read_samples", "write_samples"]
