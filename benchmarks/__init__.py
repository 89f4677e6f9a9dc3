"""This library beside its peers: times, ratios, targets; never imported by the library.

`python -m benchmarks --help` tells how to run it. A module or folder here whose name has no
underscore is a workload: it says its problems, its sides and what is to be reached. The modules
with an underscore run them and write the table and the pictures.
"""
