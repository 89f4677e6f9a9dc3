"""Maps of y given c: what an unconditional map and a map of the rows (y, c) do not reach.

In the target y is standard normal whatever c is; in the source it is moved and scaled by an amount
that depends on c, in three forms: linear, a sine, a jump. The laws of c differ too, and that is
not to be mended: c is a covariate. After each fit the W1 distance of y is taken in five bins of c,
on fresh rows, beside that of two halves of the target.
"""
