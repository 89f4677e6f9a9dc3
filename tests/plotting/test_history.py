"""The loss and its terms: every recorded value on its curve, the score's band, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lrmf_tfp import plotting
from tests.plotting.figures import Score, curve

TERMS = ("nll_source_shared", "mean_log_det", "nll_target_shared")


def history(steps=20, start=3.0):
    step = np.arange(steps) * 10
    loss = start * np.exp(-step / 20.0) + 0.01
    checked = np.where(np.arange(steps) % 5 == 0, 1.5 * loss, np.nan)
    terms = {name: (k + 2.0) * loss for k, name in enumerate(TERMS)}
    return {"step": step, "loss": loss, "validation_loss": checked, **terms}


@pytest.mark.parametrize("start", [3.0, 500.0])
def test_losses_and_terms_are_on_their_curves(start):
    record = history(start=start)
    loss, terms = plotting.plot_history(record, score=Score()).axes
    np.testing.assert_array_equal(
        curve(loss, "training"), np.stack([record["step"], record["loss"]], axis=1)
    )
    known = np.isfinite(record["validation_loss"])
    checked = np.stack([record["step"], record["validation_loss"]], axis=1)[known]
    np.testing.assert_array_equal(curve(loss, "validation"), checked)
    for name in TERMS:
        wanted = np.stack([record["step"], record[name]], axis=1)
        np.testing.assert_array_equal(curve(terms, name), wanted)
    for axes in (loss, terms):
        named = {text.get_text() for text in axes.get_legend().get_texts()}
        assert named == {line.get_label() for line in axes.get_lines()} | (
            {"held-out L"} if axes is loss else set()
        )
    assert loss.get_yscale() == "symlog"


def test_the_bound_and_the_score_are_drawn_at_their_heights():
    (loss,) = plotting.plot_history({"step": [0, 1], "loss": [2.0, 1.0]}, score=Score()).axes
    np.testing.assert_array_equal(curve(loss, "lower bound")[:, 1], [0.0, 0.0])
    (band,) = loss.patches
    heights = band.get_path().vertices @ band.get_patch_transform().get_matrix()[:2, :2].T
    low = band.get_xy()[1]
    assert (low, low + np.ptp(heights[:, 1])) == pytest.approx((0.003, 0.020))


def test_values_of_the_terms_that_are_not_shown_are_told():
    record = history()
    record["nll_source_shared"][0] = 502.0
    terms = plotting.plot_history(record).axes[1]
    assert terms.get_ylim()[1] < 10.0
    assert "up to 502, not shown" in terms.get_xlabel()


def test_the_scale_stays_linear_where_the_start_is_near():
    figure = plotting.plot_history({"step": np.arange(9), "loss": np.linspace(1.0, 0.5, 9)})
    assert len(figure.axes) == 1
    assert figure.axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loss": [1.0]}, r"^`history` must have 'step'; got \['loss'\]"),
        ({"step": [0, 1], "loss": [1.0]}, r"^`loss` must have one value a step; got \[1\]"),
    ],
)
def test_what_is_wrong_is_named(given, message):
    with pytest.raises(ValueError, match=message):
        plotting.plot_history(given)
