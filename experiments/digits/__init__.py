"""MNIST and USPS digits in one embedding, moved onto each other: the paper's figure 6."""
