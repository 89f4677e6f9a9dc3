"""KL in closed form, from Monte Carlo draws, and from samples alone by a classifier."""
