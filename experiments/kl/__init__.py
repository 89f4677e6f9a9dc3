"""KL in closed form, from Monte Carlo draws, and from samples alone by a classifier.

(1) Two Gaussians in the plane, `q = N([1, 4], I)` and `p = N([-3, 2], 2.5^2 I)`: the closed form
of `KL(q || p)` against draws of q, their running mean, and the spread over many seeds; the other
direction is another number. (2) `p = N(1, 1)` and `q = N(0, 4)` on the line, with every number
known by quadrature. (3) For the same two a classifier learns the log-ratio from samples, with
equal and with unequal class sizes, beside two estimators in closed form.
"""
