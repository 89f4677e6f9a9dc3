"""Two moons turned by 50 degrees, aligned by every method: the paper's figure 4.

Label accuracy is that of a 1-nearest-neighbour classifier fitted on the target's arms and scored
on the moved source's arms; labels are used for nothing else. Two kinds of methods are compared:
those that move the points themselves by gradient descent (MMD, EMD; the paper's columns), and
those that train a flow. Scores are taken on fresh samples.
"""
