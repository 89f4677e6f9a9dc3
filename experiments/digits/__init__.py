"""MNIST and USPS digits in one embedding, moved onto each other: the paper's figure 6.

One autoencoder is trained on the images of both domains. The vectors of one domain are moved
onto those of the other by LRMF and by what it is compared with; classifiers that were fitted on
the other domain then tell the moved test digits. Training, stopping and selection see no label
of the moved domain.
"""
