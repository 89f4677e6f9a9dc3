"""Forward and reverse KL: what a Gaussian makes of a mixture of two, exactly and by a critic."""
