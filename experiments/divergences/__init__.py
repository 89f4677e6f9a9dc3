"""Forward and reverse KL: what a Gaussian makes of a mixture of two, exactly and by a critic.

Three fits of one Gaussian to a mixture in the plane. (1) Maximum likelihood, which is the forward
KL and has the mixture's moments. (2) The forward KL by a critic: it covers both parts. (3) The
reverse KL by a critic: it stays on the heavy part. The truth beside them is computed by
quadrature, the reverse KL's second, worse minimum included.
"""
