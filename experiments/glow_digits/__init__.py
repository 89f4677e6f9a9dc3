"""USPS digits moved onto MNIST in pixel space by Glow: the published failure, and its cures.

The loss stays far above its bound 0, and the score says so by itself. Every number is counted
from the best private fits that any stage of the run found, on images that no fit has seen.
Labels are used for classifiers that are fitted on the domain that stays, and for nothing else.
"""
