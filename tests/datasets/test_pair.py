"""DomainPair: checked once, and its three ways to a new pair."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lrmf_tfp.datasets import DomainPair


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return DomainPair(
        rng.normal(3.0, 2.0, (50, 3)).astype(np.float32),
        rng.normal(-1.0, 5.0, (40, 3)).astype(np.float32),
        source_labels=np.arange(50),
        target_labels=np.arange(40),
        name="two normals",
    )


def test_fields_become_arrays():
    pair = DomainPair([[1, 2]], [[3, 4], [5, 6]], source_labels=[7.0])
    assert pair.source.dtype == pair.target.dtype == np.float64
    assert pair.source_labels.tolist() == [7]
    assert pair.target_labels is None
    assert pair.num_dims == 2


def test_is_frozen(pair):
    with pytest.raises(dataclasses.FrozenInstanceError):
        pair.name = "other"


def test_repr_shows_sizes(pair):
    assert repr(pair) == "DomainPair(name='two normals', source=[50, 3], target=[40, 3], labels)"


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"source": np.zeros(3)}, ValueError, r"`source` must have shape \[N, D\]"),
        ({"target": np.zeros((4, 2))}, ValueError, r"`target` must have shape \[M, 3\]"),
        ({"source_labels": [1]}, ValueError, r"`source_labels` must have shape \[50\]; got \[1\]"),
        ({"target_labels": ["a"] * 40}, TypeError, r"`target_labels` must hold whole numbers"),
    ],
)
def test_refuses(pair, fields, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(pair, **fields)


def test_standardized_uses_the_targets_moments(pair):
    result = pair.standardized()
    np.testing.assert_allclose(result.target.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(result.target.std(axis=0), 1.0, rtol=1e-6)
    expected = (pair.source - pair.target.mean(axis=0)) / pair.target.std(axis=0)
    np.testing.assert_allclose(result.source, expected, rtol=1e-5, atol=1e-5)
    assert result.source.dtype == np.float32
    assert result.name == pair.name


def test_standardized_keeps_one_wrong_cell_from_squeezing_the_others(pair):
    target = pair.target.copy()
    target[7, 1] = 1e9
    result = dataclasses.replace(pair, target=target).standardized()
    others = np.delete(pair.target[:, 1].astype(np.float64), 7)
    wanted = (others - others.mean()) / others.std()
    np.testing.assert_allclose(np.delete(result.target[:, 1], 7), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(result.target[:, 0], pair.standardized().target[:, 0])


def test_standardized_refuses_a_constant_column(pair):
    target = pair.target.copy()
    target[:, 2] = 7.0
    with pytest.raises(ValueError, match="`target` must vary in every column; got .* column 2"):
        dataclasses.replace(pair, target=target).standardized()


def test_samples_are_the_domains_with_their_labels(pair):
    samples = pair.samples()
    assert list(samples) == ["source", "target"]
    assert samples["source"].values is pair.source
    assert samples["target"].labels is pair.target_labels
    assert (samples["source"].weights, samples["source"].conditions) == (None, None)


def test_swap_exchanges_everything(pair):
    swapped = pair.swap()
    assert swapped.source is pair.target
    assert swapped.target_labels is pair.source_labels
    np.testing.assert_array_equal(swapped.swap().source, pair.source)


def test_split_parts_the_rows_with_their_labels(pair):
    train, held_out = pair.split(0.2, seed=3)
    assert (len(train.source), len(held_out.source)) == (40, 10)
    assert (len(train.target), len(held_out.target)) == (32, 8)
    labels = np.concatenate([train.source_labels, held_out.source_labels])
    assert sorted(labels) == list(range(50))
    for part in (train, held_out):
        np.testing.assert_array_equal(part.source, pair.source[part.source_labels])
        np.testing.assert_array_equal(part.target, pair.target[part.target_labels])


def test_split_follows_its_seed(pair):
    first, again, other = (pair.split(0.5, seed=seed)[0].source_labels for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_split_leaves_a_row_on_either_side(pair, fraction):
    for part in pair.split(fraction):
        assert len(part.source) >= 1
        assert len(part.target) >= 1


def test_split_refuses_a_bad_fraction(pair):
    with pytest.raises(ValueError, match="`fraction` must lie strictly between 0 and 1; got 1.5"):
        pair.split(1.5)


def test_split_refuses_a_single_row():
    with pytest.raises(ValueError, match="`source` must have at least 2 rows; got 1"):
        DomainPair([[1.0]], [[1.0], [2.0]]).split(0.5)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    source, target = rng.uniform(0.0, 255.0, (9, 4, 4, 2)), rng.uniform(0.0, 1.0, (7, 4, 4, 2))
    target[:, 0] = 0.0  # a margin that never changes
    return DomainPair(source.astype(np.float32), target.astype(np.float32), np.arange(9))


def test_images_keep_their_shape(images):
    assert images.source.shape == (9, 4, 4, 2)
    assert (images.source.dtype, images.num_dims) == (np.float32, 32)
    assert "source=[9, 4, 4, 2], target=[7, 4, 4, 2]" in repr(images)
    assert images.swap().target.shape == (9, 4, 4, 2)
    assert images.samples()["target"].event_shape == (4, 4, 2)
    train, held_out = images.split(0.3)
    assert (train.source.shape, held_out.target.shape) == ((6, 4, 4, 2), (2, 4, 4, 2))
    np.testing.assert_array_equal(train.source, images.source[train.source_labels])


def test_images_are_standardized_by_channel(images):
    result = images.standardized()
    np.testing.assert_allclose(result.target.mean(axis=(0, 1, 2)), 0.0, atol=1e-6)
    np.testing.assert_allclose(result.target.std(axis=(0, 1, 2)), 1.0, rtol=1e-6)
    gray = DomainPair(images.source[..., 0], images.target[..., 0]).standardized()
    np.testing.assert_allclose(gray.target, result.target[..., 0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gray.source, result.source[..., 0], rtol=1e-5)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ((5, 4, 4, 1), (5, 4, 4), r"`target` must have shape \[M, 4, 4, 1\] to match `source`"),
        ((5, 4, 4, 1), (5, 8, 8, 1), r"`target` must have shape .*; got \[5, 8, 8, 1\]"),
        ((5, 2, 4, 4, 1), (5, 2, 4, 4, 1), r"`source` must have shape \[N, D\]"),
        ((0, 4, 4, 1), (5, 4, 4, 1), "`source` must have at least 1 row"),
    ],
)
def test_images_that_do_not_fit_are_refused(source, target, message):
    with pytest.raises(ValueError, match=message):
        DomainPair(np.zeros(source), np.zeros(target))


def test_a_constant_channel_is_named():
    pair = DomainPair(np.zeros((3, 4, 4, 1)), np.ones((3, 4, 4, 1)))
    with pytest.raises(ValueError, match="`target` must vary in every channel; got .* 0"):
        pair.standardized()


@pytest.fixture
def placed(pair):
    """The pair with its samples as parameters, which shows where they go."""
    return dataclasses.replace(
        pair, source_parameters=pair.source[:, :2], target_parameters=pair.target[:, :1]
    )


def test_parameters_go_where_their_rows_go(placed):
    swapped = placed.swap()
    np.testing.assert_array_equal(swapped.source_parameters, placed.target[:, :1])
    np.testing.assert_array_equal(swapped.target_parameters, placed.source[:, :2])
    for part in placed.split(0.3, seed=1):
        np.testing.assert_array_equal(part.source_parameters, part.source[:, :2])
        np.testing.assert_array_equal(part.target_parameters, part.target[:, :1])


def test_parameters_must_fit_the_rows(placed):
    message = r"`source_parameters` must have shape \[50, K\]; got \[49, 2\]"
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(placed, source_parameters=np.ones((49, 2)))
    with pytest.raises(ValueError, match="`target_parameters` must be finite"):
        dataclasses.replace(placed, target_parameters=np.full((40, 1), np.nan))
