"""What weights mean, the same for every function of two sample sets in `tests/cases.py`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.samples import Sample
from tests.cases import SAMPLE_FUNCTIONS
from tests.divergences.clouds import EACH, TWINS, clouds, lanes, light, tolerance

FAR = 1e12
REPEATING = [name for name, function in SAMPLE_FUNCTIONS.items() if function.repeats]
INSIDE = [name for name, function in SAMPLE_FUNCTIONS.items() if not function.named]


@pytest.fixture(params=EACH)
def name(request):
    return request.param


@pytest.fixture
def call(name):
    return SAMPLE_FUNCTIONS[name].call


@pytest.fixture
def weights():
    rng = np.random.default_rng(1)
    return {"source_weights": rng.random(9) + 0.1, "target_weights": rng.random(6) + 0.1}


def near(name, value, exact=1e-9):
    return pytest.approx(float(value), rel=tolerance(name, exact), abs=1e-12)


def with_empty_rows(rows, weights):
    """Rows of weight 0 at either end, far away."""
    far = np.full([1, rows.shape[1]], FAR)
    return np.concatenate([far, rows, -far]), np.concatenate([[0.0], weights, [0.0]])


def test_rows_of_weight_zero_are_absent(name, call, weights):
    x, y = clouds(0, name=name)
    a, b = weights.values()
    (x_more, a_more), (y_more, b_more) = with_empty_rows(x, a), with_empty_rows(y, b)
    found = call(x_more, y_more, source_weights=a_more, target_weights=b_more)
    assert float(found) == near(name, call(x, y, **weights))


@pytest.mark.parametrize("name", lanes(REPEATING, TWINS))
def test_a_row_of_weight_k_is_the_row_k_times(name):
    """Weight that a place has in one row, or in parts, against the place k times."""
    call, (x, y) = SAMPLE_FUNCTIONS[name].call, clouds(3, name=name)
    for places, repeats, side in ((x[:5], [2, 1, 3, 2, 1], 0), (y[:3], [3, 1, 2], 1)):
        extra = sum(repeats) - len(places)  # so that both have one shape, and one program
        rows, parts = np.concatenate([places, places[:extra]]), np.r_[repeats, [0.75] * extra]
        parts[:extra] -= 0.75
        repeated = np.repeat(places, repeats, axis=0)
        wanted = call(*((repeated, y) if side == 0 else (x, repeated)))
        found = call(
            *((rows, y) if side == 0 else (x, rows)),
            **{("source_weights", "target_weights")[side]: parts},
        )
        assert float(found) == near(name, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("name", REPEATING)
def test_each_row_twice_is_each_row_once(name):
    x, y = clouds(4, name=name)
    call = SAMPLE_FUNCTIONS[name].call
    wanted = near(name, call(x[:4], y[:3]))
    assert float(call(np.tile(x[:4], [2, 1]), np.tile(y[:3], [2, 1]))) == wanted
    twice = {"source_weights": np.full(4, 2), "target_weights": np.full(3, 2)}
    assert float(call(x[:4], y[:3], **twice)) == wanted


def test_the_scale_of_weights_does_not_matter(name, call, weights):
    x, y = clouds(1, name=name)
    wanted = near(name, call(x, y, **weights))
    for scale in (1e-300, 7.0, 1e300):
        scaled = {side: scale * each for side, each in weights.items()}
        assert float(call(x, y, **scaled)) == wanted
    found = call(x, y, source_weights=[3] * 9, target_weights=np.full(6, 1e-9))
    assert float(found) == near(name, call(x, y))


@pytest.mark.parametrize("name", ["mmd_named", "emd", "kl_nearest_neighbours"])
def test_weights_that_underflow_are_no_error(name, call):
    """Where the program has told NumPy to raise; 0 in float32, which is right."""
    x, y = clouds(1, np.float32, name=name)
    weights = np.r_[np.logspace(-320, -10, 4), np.ones(5)]
    with np.errstate(all="raise"):
        value = call(x, y, source_weights=weights)
    assert np.isfinite(float(value))


def test_weights_of_a_sample_are_those_given_apart(name, call, weights):
    x, y = clouds(2, name=name)
    a, b = weights.values()
    wanted = near(name, call(x, y, **weights))
    assert float(call(Sample.of(x, a), Sample.of(y, b))) == wanted
    assert float(call(Sample.of(x, a), y, target_weights=b)) == wanted
    assert float(call(Sample.of(x), Sample.of(y), **weights)) == wanted
    signed = Sample.of(x, np.where(np.arange(9) == 4, -a, a), negative="absolute")
    assert float(call(signed, Sample.of(y, b))) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("name", light(INSIDE))
def test_rows_of_weight_zero_do_no_harm_inside_a_function(name):
    function = SAMPLE_FUNCTIONS[name]
    x, y = clouds(0, name=name)
    a, b = np.r_[np.zeros(2), np.ones(7)], np.r_[np.ones(4), np.zeros(2)]
    far_x, far_y = np.where(a[:, None] > 0.0, x, FAR), np.where(b[:, None] > 0.0, y, -FAR)

    @tf.function(autograph=False)
    def inside(x, y, a, b):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            value = function.call(x, y, source_weights=a, target_weights=b)
        return value, tape.gradient(value, [x, y])

    value, (to_x, to_y) = inside(*map(tf.constant, (far_x, far_y, a, b)))
    if function.known:
        assert float(value) == near(name, function.call(x[2:], y[:4]))
    for slope, weights in ((to_x, a), (to_y, b)):
        assert np.isfinite(slope).all()
        np.testing.assert_array_equal(slope[weights == 0.0], 0.0)
    assert np.abs(to_x).max() > 1e-4


def test_bad_weights_are_named_in_one_line(name, call):
    x, y = clouds(6, name=name)
    weighted = Sample.of(x, np.arange(9.0))
    bad = [
        ((weighted, y), {"source_weights": np.ones(9)}, "`source_weights` must be left out where"),
        (
            (x, Sample.of(y, conditions=np.arange(6.0))),
            {},
            "`target` must have no conditions, .* got 1 columns",
        ),
        ((x, y), {"target_weights": np.zeros(6)}, "`target_weights` must not all be 0; got 6"),
        (
            (x, y),
            {"source_weights": -np.ones(9)},
            "`source_weights` must be finite and at least 0; got -1 in row 0",
        ),
        (
            (x, y),
            {"target_weights": [1, 1, np.nan, 1, 1, 1]},
            "`target_weights` must be finite and at least 0; got nan in row 2",
        ),
        ((x, y), {"source_weights": np.ones(3)}, r"`source_weights` must have shape \[9\]"),
        ((x, y), {"source_weights": ["a"] * 9}, "`source_weights` must be numeric"),
    ]
    for samples, weights, message in bad:
        with pytest.raises((TypeError, ValueError), match=message) as caught:
            call(*samples, **weights)
        assert "\n" not in str(caught.value)
