"""The papers' experiments: `python -m experiments` lists them, with a name behind it runs one.

An experiment is a package, or a module where one file is enough. They import only the public
names of `lrmf_tfp`, so that they prove the API as well, and of each other nothing but `common`.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # keep TensorFlow's start-up chatter away
