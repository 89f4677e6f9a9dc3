"""A ring of Gaussians, and digits, imitated by GRAM and by its rivals MMD-net, MMD-GAN and GAN."""
