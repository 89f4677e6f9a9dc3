"""Gaussian LRMF against its closed form, in 1 to 50 dimensions, and where it stops short."""
