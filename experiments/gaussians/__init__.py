"""Gaussian LRMF against its closed form, in 1 to 50 dimensions, and where it stops short.

Four checks. (1) The library's objective, minimised over the shared Gaussian, equals the closed
form of the log-likelihood-ratio distance in float64. (2) Trained jointly with an affine flow it
falls to its bound 0. (3) On moons the affine flow matches the first two moments, not the shape.
(4) A RealNVP flow with a RealNVP density, far more than Gaussians need, also gets there.
"""
