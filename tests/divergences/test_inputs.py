"""What samples may come as, the same for every function of two sample sets in `tests/cases.py`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import lrmf_tfp.divergences
from lrmf_tfp.divergences._compiled import compiled
from lrmf_tfp.samples import Sample
from tests.cases import DIVERGENCES, SAMPLE_FUNCTIONS
from tests.divergences.clouds import clouds, light, tolerance


@pytest.fixture(params=light(SAMPLE_FUNCTIONS))
def name(request):
    return request.param


@pytest.fixture
def call(name):
    return SAMPLE_FUNCTIONS[name].call


def read_only(rows):
    rows = rows.copy()
    rows.flags.writeable = False
    return rows


def strided(rows):
    wide = np.zeros([2 * len(rows), 3 * rows.shape[1]])
    wide[::2, ::3] = rows
    return wide[::2, ::3]


def on_disk(rows, folder):
    np.save(folder / "rows.npy", rows)
    return np.load(folder / "rows.npy", mmap_mode="r")


def frame(rows):
    return pd.DataFrame(rows, columns=["height", "width"][: rows.shape[1]])


def test_all_forms_of_the_same_rows_are_the_same(name, call, tmp_path):
    x, y = clouds(0, name=name)
    wanted = pytest.approx(float(call(x, y)), rel=tolerance(name))
    forms = [
        read_only(x),
        strided(x),
        np.asfortranarray(x),
        on_disk(x, tmp_path),
        x.tolist(),
        tf.constant(x),
        tf.Variable(x),
        tf.data.Dataset.from_tensor_slices(x),
        frame(x),
        Sample.of(frame(x)),
    ]
    for form in forms:
        assert float(call(form, y)) == wanted, type(form)
    assert float(call(x, frame(y))) == wanted


def test_columns_are_told_by_their_names(name, call, caplog):
    x, y = clouds(0, name=name)
    if x.shape[1] == 1:
        pytest.skip("one column has no order")
    swapped = frame(y)[["width", "height"]]
    wanted = pytest.approx(float(call(x, y)), rel=tolerance(name))
    assert float(call(frame(x), swapped)) == wanted
    assert float(call(frame(x), Sample.of(swapped))) == wanted
    assert "the columns of `target` were put in the order height, width" in caplog.text
    other = swapped.rename(columns={"width": "weight"})
    with pytest.raises(ValueError, match="`target` must have the columns height, width; got") as e:
        call(frame(x), other)
    assert "\n" not in str(e.value)


def test_repeated_calls_do_not_trace_again(name, call):
    def traces():
        return sum(each.traced.experimental_get_tracing_count() for each in all_compiled())

    weights = {"source_weights": np.arange(1.0, 10.0), "target_weights": np.arange(1.0, 7.0)}
    call(*clouds(0, name=name), **weights)
    before = traces()
    for seed in (1, 2):
        call(*clouds(seed, name=name), unit=0.1 + seed, **weights)
        call(*map(Sample.of, clouds(seed, name=name)), **weights)
    assert traces() == before


def all_compiled():
    """All that divergences compile, by looking through their modules."""
    modules = [lrmf_tfp.divergences]
    for module in modules:
        for each in vars(module).values():
            if isinstance(each, type(tf)) and each.__name__.startswith("lrmf_tfp.divergences"):
                modules += [each] if each not in modules else []
    found = {id(each): each for module in modules for each in vars(module).values()}
    return [each for each in found.values() if isinstance(each, compiled)]


def test_all_that_is_compiled_is_looked_at():
    names = {each.__name__ for each in all_compiled()}
    assert {"radial_mmd", "_divergence", "_planned_cost", "mean_line_distance"} <= names


BAD = {
    "width": (lambda x, y: (x, y[:, :1]), r"`target` must have shape \[M, 2\].* got \[6, 1\]"),
    "nan": (lambda x, y: (np.where(x > 1.0, np.nan, x), y), "`source` must be finite"),
    "rank": (lambda x, y: (x[None], y), r"`source` must have shape \[N, D\]"),
    "rows": (lambda x, y: (x, y[:0]), "`target` must have at least . rows?; got 0"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", sorted(set(SAMPLE_FUNCTIONS) - {"wasserstein_1d"}))
def test_bad_input_is_one_line(name, bad):
    spoil, message = BAD[bad]
    with pytest.raises(ValueError, match=message) as caught:
        SAMPLE_FUNCTIONS[name].call(*spoil(*clouds(6)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_bad_tensors_are_caught_like_arrays(name):
    x, y = clouds(8)
    x[2, 0] = np.inf
    for form in (tf.constant, tf.Variable):
        with pytest.raises(ValueError, match="`source` must be finite; got 1 non-finite value"):
            DIVERGENCES[name].call(form(x), tf.constant(y))


SAME_PROGRAMS = {"energy", "mmd_laplace", "mmd_named", "mmd_unbiased", "wasserstein_1d"}
SEEDED = ["sliced_wasserstein", "max_sliced_wasserstein", "mmd_squared_random_features"]


@pytest.mark.parametrize("function", [*SEEDED, "mmd_squared_linear_time"])
def test_seeds_of_any_size_are_seeds(function):
    call = getattr(lrmf_tfp.divergences, function)
    x, y = clouds(0)
    values = [float(call(x, y, seed=seed)) for seed in (2**31, 2**63, 2**63 + 1, 2**128 + 5)]
    assert values == [
        float(call(x, y, seed=seed)) for seed in (2**31, 2**63, 2**63 + 1, 2**128 + 5)
    ]
    assert len(set(values)) > 1 if function.startswith("max") else len(set(values)) == 4
    assert float(call(x, y, seed=np.uint64(2**63))) == values[1]
    with pytest.raises(ValueError, match="`seed` must be at least 0; got -1"):
        call(x, y, seed=-1)


@pytest.mark.parametrize("name", light(sorted(set(SAMPLE_FUNCTIONS) - SAME_PROGRAMS)))
def test_samples_of_another_width_are_no_worse(name):
    """After two widths a program of the library's own knows none."""
    call, rng = SAMPLE_FUNCTIONS[name].call, np.random.default_rng(0)
    for width in (1, 2, 3):
        x, y = rng.normal(size=(9, width)), rng.normal(size=(6, width)) + 1.0
        value = float(call(x, y))
        assert np.isfinite(value)
        assert float(call(x[::-1], y[::-1])) == pytest.approx(value, rel=tolerance(name))
