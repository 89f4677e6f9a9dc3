"""Two mixtures far apart: the gradient of LRMF vanishes, and what brings it back (example 2.2).

Source and target are `1/2 N(-1, .5^2) + 1/2 N(1, .5^2)`, one moved by `mu`; the shared density is
a mixture of two Gaussians. With one component on each domain the derivative of the loss falls
like `exp(-(a mu - b)^2)`. Plain LRMF gets stuck; the options
`lt.Affine(start="moments")` and `lt.LRMF(noise=lt.Anneal(...))` do not.
"""
