"""The papers' experiments, one module a figure: `python -m experiments.NAME`.

They import only the public names of `lrmf_tfp`, so that they prove the API as well.
"""
