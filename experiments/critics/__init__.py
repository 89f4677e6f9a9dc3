"""Critics of two Beta distributions: what W1, MMD and f-divergences see of a gap between them."""
