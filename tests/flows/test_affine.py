"""Affine flows: reach and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lrmf_tfp.flows import affine_flow, identity_flow
from tests.cases import perturb


def test_matrix_and_log_det_are_those_of_numpy(rng):
    flow = perturb(affine_flow(4, dtype=tf.float64))
    origin = flow.forward(tf.zeros([1, 4], tf.float64)).numpy()
    matrix = (flow.forward(tf.eye(4, dtype=tf.float64)).numpy() - origin).T
    x = rng.normal(size=(3, 4))
    y, log_det = flow.forward_and_log_det(x)
    np.testing.assert_allclose(y, x @ matrix.T + origin, atol=1e-12)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(matrix)[1] * np.ones(3), atol=1e-12)


@pytest.mark.parametrize(("kind", "count"), [("full", 4), ("triangular", 3), ("diagonal", 2)])
def test_kinds_have_their_variables(kind, count):
    assert len(affine_flow(3, kind=kind).trainable_variables) == count


def test_identity_flow_has_no_variables():
    flow = identity_flow(2)
    y, log_det = flow.forward_and_log_det([[1.0, 2.0]])
    assert flow.variables == ()
    assert (y.numpy().tolist(), log_det.numpy().tolist()) == ([[1.0, 2.0]], [0.0])


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`event_size`"):
        affine_flow(0)
    with pytest.raises(ValueError, match="`kind`.*'square'"):
        affine_flow(2, kind="square")
    with pytest.raises(ValueError, match="`event_size`"):
        identity_flow(0)
