"""Two mixtures far apart: the gradient of LRMF vanishes, and what brings it back (example 2.2)."""
