"""What several test files measure against: closed forms, gradients, finite differences."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def gaussian_kernel_mean(mean_p, cov_p, mean_q, cov_q, *, bandwidth):
    """`E k(x, y)` of the Gaussian kernel for independent Gaussians x and y in R^d."""
    mean_p, mean_q = np.atleast_1d(mean_p), np.atleast_1d(mean_q)
    total = np.atleast_2d(cov_p) + np.atleast_2d(cov_q)
    identity = np.eye(len(mean_p))
    gap = mean_p - mean_q
    height = np.linalg.det(identity + total / bandwidth**2) ** -0.5
    return height * np.exp(-0.5 * gap @ np.linalg.solve(bandwidth**2 * identity + total, gap))


def gaussian_mmd_squared(mean_p, cov_p, mean_q, cov_q, *, bandwidth):
    """The squared MMD of two Gaussians under the Gaussian kernel."""
    within_p = gaussian_kernel_mean(mean_p, cov_p, mean_p, cov_p, bandwidth=bandwidth)
    within_q = gaussian_kernel_mean(mean_q, cov_q, mean_q, cov_q, bandwidth=bandwidth)
    between = gaussian_kernel_mean(mean_p, cov_p, mean_q, cov_q, bandwidth=bandwidth)
    return within_p + within_q - 2.0 * between


def finite_difference(function, x, index, *, step=1e-6):
    """Central difference of `function(x)` in one entry of the array `x`."""
    above, below = x.copy(), x.copy()
    above[index] += step
    below[index] -= step
    return (float(function(above)) - float(function(below))) / (2.0 * step)


def finite_differences(function, points, *, step=1e-6):
    """Central differences of `function(points)` in every entry."""
    entries = [finite_difference(function, points, k, step=step) for k in np.ndindex(points.shape)]
    return np.reshape(entries, points.shape)


def gradients(function, *points):
    """The gradients of `function(*points)` in each of the arrays."""
    points = [tf.convert_to_tensor(p) for p in points]
    with tf.GradientTape() as tape:
        tape.watch(points)
        value = function(*points)
    return [slope.numpy() for slope in tape.gradient(value, points)]
