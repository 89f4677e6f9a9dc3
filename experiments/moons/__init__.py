"""Two moons turned by 50 degrees, aligned by every method: the paper's figure 4."""
