"""USPS digits moved onto MNIST in pixel space by Glow: the published failure, and its cures."""
