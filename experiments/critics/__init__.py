"""Critics of two Beta distributions: what W1, MMD and f-divergences see of a gap between them.

p is Beta(3, 5), q is Beta(2, 3) moved to the right. Once the supports part, KL, Jensen-Shannon
and total variation stand still at +inf, log 2 and 1 while W1 goes on; the critics of W1 and MMD
and a learned one of the KL show why. The original adds the shift to samples that already have it,
plots T as the ratio and dT/dx as its gradient, and divides the witness by the squared MMD; here
the shift counts once, each function goes by its name, and the witness is divided by its norm.
"""
