"""Samples in any unit: `f(c x, c y) = c^p f(x, y)` with its gradient, or one line that says no."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.cases import SAMPLE_FUNCTIONS
from tests.divergences.clouds import HEAVY, TWINS, clouds, lanes, light, tolerance

INSIDE = [name for name, function in SAMPLE_FUNCTIONS.items() if not function.named]
SQUARED = [name for name, function in SAMPLE_FUNCTIONS.items() if function.power == 2]
UNITS = {np.float32: (1e-30, 1e-6, 1e6, 1e30), np.float64: (1e-150, 1e-6, 1e6, 1e150)}
CASES = [(name, dtype) for name in SAMPLE_FUNCTIONS for dtype in UNITS]
SLOW = {(name, dtype) for name, dtype in CASES if name in TWINS} | {
    (name, np.float32) for name in HEAVY
}
EXPONENTS = {np.float32: 99, np.float64: 498}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [pytest.param(*case, marks=pytest.mark.slow if case in SLOW else ()) for case in CASES],
)
def test_values_have_a_power_of_the_unit(name, dtype):
    function = SAMPLE_FUNCTIONS[name]
    x, y = clouds(4, name=name)
    wanted = float(function.call(x.astype(dtype), y.astype(dtype)))
    exact = 1e-9 if dtype is np.float64 else 2e-4
    for unit in UNITS[dtype]:
        if function.power == 2 and not 1e-16 < unit < 1e17 and dtype is np.float32:
            continue  # its values are no numbers: see below
        found = float(function.call((unit * x).astype(dtype), (unit * y).astype(dtype), unit=unit))
        assert found / unit**function.power == pytest.approx(wanted, rel=tolerance(name, exact))


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", light(INSIDE))
def test_inside_a_function_so_have_gradients(name, dtype):
    """By powers of 2, which leave no rounding to follow the ascents and plans."""
    function = SAMPLE_FUNCTIONS[name]

    @tf.function(autograph=False)
    def inside(x, y, unit):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            value = function.call(x, y, unit=unit)
        return value, tape.gradient(value, [x, y])

    points = clouds(4, dtype, name=name)
    value, slopes = inside(*map(tf.constant, points), tf.constant(1.0, tf.float64))
    for exponent in (-EXPONENTS[dtype], EXPONENTS[dtype]):
        unit = 2.0**exponent
        moved = [tf.constant(dtype(unit) * each) for each in points]
        found, to_points = inside(*moved, tf.constant(unit, tf.float64))
        if function.power < 2 or dtype is np.float64:
            assert float(found) / unit**function.power == pytest.approx(float(value), rel=1e-5)
        for slope, wanted in zip(to_points, slopes, strict=True):
            ratio = slope.numpy().astype(np.float64) / unit ** (function.power - 1)
            np.testing.assert_allclose(ratio, wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", lanes(SQUARED, TWINS))
def test_squares_that_are_no_numbers_are_refused(name):
    x, y = clouds(6, np.float32)
    call = SAMPLE_FUNCTIONS[name].call
    with pytest.raises(ValueError, match=r"must be at most 3e\+17 in size.*float32.*got .e\+20"):
        call(x, y * np.float32(1e20))
    tiny = np.float32(1e-20)
    with pytest.raises(ValueError, match=r"must spread over at least 7e-18, .* got .e-20") as one:
        call(tiny * x, tiny * y)
    assert "\n" not in str(one.value)
    assert float(call(0.0 * x, 0.0 * y)) == 0.0  # a square that is 0 is a number


@pytest.mark.parametrize("name", sorted(set(SAMPLE_FUNCTIONS) - set(SQUARED)))
def test_sizes_whose_differences_overflow_are_refused(name):
    x, y = clouds(6, np.float32, name=name)
    with pytest.raises(ValueError, match=r"must be at most 8e\+34 in size, .* got .e\+36"):
        SAMPLE_FUNCTIONS[name].call(x, y * np.float32(1e36))
