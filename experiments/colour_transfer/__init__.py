"""The colours of one photograph given to another, and back by the same map's inverse.

Pixels are samples in RGB. A map is learned from a few thousand of each photograph and applied to
all: mean-variance, CORAL, Gaussian and exact optimal transport in RGB, where what leaves [0, 1] is
counted and clipped, and LRMF between logits, which cannot leave. Distances are to pixels that no
map was made from.
"""
