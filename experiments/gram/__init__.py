"""A ring of Gaussians, and digits, imitated by GRAM and by its rivals MMD-net, MMD-GAN and GAN.

Samples are compared with fresh data: how many of the eight modes they cover, which share lies
within three standard deviations of one, and their squared MMD. The noise-by-width grid repeats
that for small and large generators. Each model is reported as it comes.
"""
