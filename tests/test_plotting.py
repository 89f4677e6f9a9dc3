"""Pictures: made for every number of dimensions, of some size, and errors of one line."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from lrmf_tfp import plotting


class Score(NamedTuple):
    """As much of an `AlignmentScore` as the pictures need."""

    value: float = 0.012
    lower: float = 0.003
    upper: float = 0.020
    verdict: str = "aligned"


def cloud(dims=2, rows=60, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, dims))


def history(steps=20, start=3.0):
    step = np.arange(steps) * 10
    loss = start * np.exp(-step / 20.0) + 0.01
    checked = np.where(np.arange(steps) % 5 == 0, loss, np.nan)
    terms = {
        name: loss.copy() for name in ("nll_source_shared", "mean_log_det", "nll_target_shared")
    }
    return {"step": step, "loss": loss, "validation_loss": checked, **terms}


def column(**changes):
    points = cloud()
    fields = {
        "title": "flow",
        "moved": points,
        "colors": points[:, 0],
        "labels": points[:, 1] > 0,
        "accuracy_steps": [0, 1, 2],
        "accuracy": [0.9, 0.95, 1.0],
        "loss_steps": [0, 1, 2],
        "loss": [np.nan, 1.0, 0.1],
    }
    return plotting.ComparisonColumn(**{**fields, **changes})


def pixels(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=40)
    return np.asarray(Image.open(buffer))


def texts(figure):
    found = [axes.get_title() for axes in figure.axes]
    found += [axes.get_xlabel() for axes in figure.axes]
    return [*found, figure.get_suptitle()]


def test_trajectories_show_where_points_come_from_and_go():
    start = cloud(rows=300)
    paths = [start + share * np.array([4.0, 0.0]) for share in np.linspace(0.0, 1.0, 5)]
    figure = plotting.plot_trajectories({"straight": paths, "short": paths[:2]}, cloud())
    assert texts(figure)[:2] == ["straight", "short"]
    left, right = figure.axes[:2]
    (lines,) = left.collections[1:2]
    pieces = np.array(lines.get_segments())
    assert len(pieces) == 4 * 100  # every third of the 300 points
    np.testing.assert_allclose(pieces[:, 1] - pieces[:, 0], [[1.0, 0.0]] * 400, atol=1e-12)
    assert left.get_xlim() == right.get_xlim()
    assert pixels(figure).std() > 1.0


@pytest.mark.parametrize(
    ("paths", "match"),
    [
        ({}, "`paths` must have at least 1 entry of at least 2 times"),
        ({"one": [cloud()]}, "`paths` must have at least 1 entry of at least 2 times"),
        ({"deep": [cloud(3), cloud(3)]}, r"`paths\[0\]` must have shape \[N, 2\]"),
    ],
)
def test_trajectories_that_cannot_be_drawn_are_named(paths, match):
    with pytest.raises(ValueError, match=match):
        plotting.plot_trajectories(paths, cloud())


@pytest.mark.parametrize("labelled", [False, True], ids=["plain", "labelled"])
@pytest.mark.parametrize("dims", [1, 2, 5])
def test_alignment_is_drawn_in_any_dimension(dims, labelled):
    points = cloud(dims)
    labels = np.arange(60) % 3 if labelled else None
    figure = plotting.plot_alignment(
        points + 1.0, points, cloud(dims, 80, 1), source_labels=labels, score=Score()
    )
    assert len(figure.axes) == 3 if labelled else 2
    assert pixels(figure).std() > 0.0


def test_alignment_says_what_is_projected_and_how_well_it_worked():
    figure = plotting.plot_alignment(cloud(5), cloud(5), cloud(5), score=Score())
    joined = " ".join(texts(figure)).replace("\n", " ")
    assert "target's principal axis 1" in joined
    assert "% of variance" in joined
    assert "held-out L = 0.012 nats [0.003, 0.020]: aligned" in joined


def test_alignment_panels_share_their_limits():
    figure = plotting.plot_alignment(cloud() + 5.0, cloud(), cloud())
    before, after = figure.axes
    assert before.get_xlim() == after.get_xlim()
    assert before.get_ylim() == after.get_ylim()


def test_alignment_counts_points_thrown_out_of_the_frame():
    moved = cloud(rows=1000)
    moved[0] = 1e6
    figure = plotting.plot_alignment(cloud(rows=1000), moved, cloud())
    after = figure.axes[1]
    assert after.get_xlim()[1] < 100.0
    assert any("1 of 1000 outside" in text.get_text() for text in after.texts)


def test_alignment_with_labels_of_one_domain_only():
    figure = plotting.plot_alignment(cloud(), cloud(), cloud(), target_labels=np.arange(60) % 23)
    assert len(figure.axes) == 3
    assert pixels(figure).std() > 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"moved": cloud(3)},
            r"^`moved` must have shape \[60, 2\] to match `source`; got \[60, 3\]",
        ),
        ({"target": cloud(1)}, r"^`target` must have shape \[M, 2\] to match `source`; got"),
        ({"source": [[0.0, np.nan]] * 60}, r"^`source` must be finite; got 60"),
        ({"source_labels": [1, 2]}, r"^`source_labels` must have shape \[60\]; got \[2\]"),
    ],
)
def test_alignment_names_what_is_wrong(change, message):
    arguments = {"source": cloud(), "moved": cloud(), "target": cloud(), **change}
    given = [arguments.pop(name) for name in ("source", "moved", "target")]
    with pytest.raises(ValueError, match=message) as caught:
        plotting.plot_alignment(*given, **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("start", [3.0, 500.0])
def test_history_shows_loss_bound_and_terms(start):
    figure = plotting.plot_history(history(start=start), score=Score())
    loss, terms = figure.axes
    assert {text.get_text() for text in loss.get_legend().get_texts()} >= {
        "training",
        "validation",
        "lower bound",
        "held-out L",
    }
    assert "mean_log_det" in {text.get_text() for text in terms.get_legend().get_texts()}
    assert loss.get_yscale() == "symlog"
    assert pixels(figure).std() > 0.0


def test_history_says_which_values_of_the_terms_are_not_shown():
    record = history()
    record["nll_source_shared"][0] = 502.0
    terms = plotting.plot_history(record).axes[1]
    assert terms.get_ylim()[1] < 10.0
    assert "up to 502, not shown" in terms.get_xlabel()


def test_history_stays_linear_where_the_start_is_near():
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
def test_history_names_what_is_wrong(given, message):
    with pytest.raises(ValueError, match=message):
        plotting.plot_history(given)


def test_displacement_draws_arrows_and_the_moved_grid():
    def transform(points):
        return 1.5 * points + 0.5

    points = cloud()
    figure = plotting.plot_displacement(points, transform(points), cloud(), transform=transform)
    assert len(figure.axes) == 3  # two panels and the colour bar
    assert pixels(figure).std() > 0.0


def test_displacement_of_the_identity_is_drawn():
    figure = plotting.plot_displacement(cloud(), cloud(), cloud(), transform=lambda x: x)
    assert pixels(figure).std() > 0.0


def test_displacement_needs_the_plane_and_a_flow_that_keeps_the_shape():
    with pytest.raises(ValueError, match=r"^`source` must have shape \[N, 2\]; got \[60, 3\]"):
        plotting.plot_displacement(cloud(3), cloud(3), cloud(3), transform=lambda x: x)
    with pytest.raises(ValueError, match=r"^`transform\(points\)` must have shape"):
        plotting.plot_displacement(cloud(), cloud(), cloud(), transform=lambda x: x[:1])


@pytest.mark.parametrize("count", [1, 4, 9])
def test_flow_steps_has_a_panel_a_step(count):
    steps = [cloud() + k for k in range(count)]
    figure = plotting.plot_flow_steps(steps, cloud(), colors=cloud()[:, 0])
    assert sum(axes.axison for axes in figure.axes) == count
    assert pixels(figure).std() > 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": []}, r"^`steps` must have at least 1 array; got none"),
        ({"steps": [cloud(), cloud(rows=5)]}, r"^`steps\[1\]` must have shape \[60, 2\] to match"),
        ({"titles": ["one"]}, r"^`titles` must have 2 entries; got 1"),
        ({"colors": [1.0]}, r"^`colors` must have shape \[60\]; got \[1\]"),
        ({"colors": np.full(60, np.nan)}, r"^`colors` must be finite; got 60"),
    ],
)
def test_flow_steps_names_what_is_wrong(change, message):
    arguments = {"steps": [cloud(), cloud()], **change}
    with pytest.raises(ValueError, match=message):
        plotting.plot_flow_steps(arguments.pop("steps"), cloud(), **arguments)


def test_comparison_has_five_rows_and_one_scale_for_one_unit():
    before = column(title="before", accuracy_steps=[0], accuracy=[0.9], loss_steps=[0], loss=[1.0])
    other = column(title="MMD", loss=[0.3, 0.2, 0.1], loss_label="squared MMD", loss_bound=None)
    figure = plotting.plot_comparison(
        [before, column(), column(loss=[9.0, 8.0, 7.0]), other], cloud()
    )
    panels = np.array(figure.axes).reshape(5, 4)
    assert [axes.get_title() for axes in panels[0]] == ["before", "flow", "flow", "MMD"]
    assert panels[4, 1].get_ylim() == panels[4, 2].get_ylim() != panels[4, 3].get_ylim()
    assert panels[3, 1].get_ylim() == panels[3, 3].get_ylim()
    assert panels[3, 0].texts[0].get_text() == "0.900"
    assert pixels(figure).std() > 0.0


def test_comparison_says_where_nothing_was_measured():
    figure = plotting.plot_comparison([column(loss_steps=[0], loss=[np.nan])], cloud())
    assert figure.axes[4].texts[0].get_text() == "not measured"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], r"^`columns` must have at least 1 entry; got none"),
        ([column(moved=cloud(3))], r"^`moved` must have shape \[N, 2\]; got \[60, 3\]"),
        ([column(labels=[1])], r"^`labels` must have shape \[60\]; got \[1\]"),
        ([column(loss=[1.0])], r"^`loss` must have one value a step; got \[1\] for steps \[3\]"),
    ],
)
def test_comparison_names_what_is_wrong(columns, message):
    with pytest.raises(ValueError, match=message):
        plotting.plot_comparison(columns, cloud())


def test_animation_is_a_gif_with_a_frame_each(tmp_path):
    frames = [cloud() + k for k in range(4)]
    titles = [f"step {k}" for k in range(4)]
    path = plotting.animate_alignment(
        frames, cloud(), tmp_path / "a.gif", colors=cloud()[:, 0], titles=titles
    )
    with Image.open(path) as image:
        assert image.n_frames == 4
        assert min(image.size) > 100
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.gif"]


def test_methods_are_animated_side_by_side(tmp_path):
    methods = [[cloud() + k, cloud()] for k in (1, 2, 3)]
    alone = plotting.animate_alignment(methods[0], cloud(), tmp_path / "alone.gif")
    path = plotting.animate_comparison(
        methods,
        cloud(),
        tmp_path / "beside.gif",
        names=["one", "two", "three"],
        titles=[["before", "after"]] * 3,
    )
    with Image.open(path) as image, Image.open(alone) as single:
        assert image.n_frames == single.n_frames == 2
        assert image.size[0] > 1.5 * single.size[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": []}, r"^`methods` must have at least 1 entry; got none"),
        ({"methods": [[cloud()], [cloud()] * 2]}, r"^`frames` must have 1 entries; got 2"),
        ({"names": ["one"]}, r"^`names` must have 2 entries; got 1"),
        ({"titles": [["one"]]}, r"^`titles` must have 2 lists; got 1"),
        ({"titles": [["one"], []]}, r"^`titles` must have 1 entries; got 0"),
    ],
)
def test_animated_comparison_names_what_is_wrong(tmp_path, change, message):
    arguments = {"methods": [[cloud()], [cloud()]], **change}
    with pytest.raises(ValueError, match=message):
        plotting.animate_comparison(
            arguments.pop("methods"), cloud(), tmp_path / "a.gif", **arguments
        )
    assert not list(tmp_path.iterdir())


def test_animation_is_the_same_each_time(tmp_path):
    first, second = (
        plotting.animate_alignment([cloud(), cloud(seed=1)], cloud(), tmp_path / name).read_bytes()
        for name in ("a.gif", "b.gif")
    )
    assert first == second


def test_animation_shrinks_to_its_limit(tmp_path):
    frames = [cloud(rows=200, seed=k) for k in range(3)]
    full = plotting.animate_alignment(frames, cloud(), tmp_path / "full.gif").stat().st_size
    limit = full // 2
    small = plotting.animate_alignment(frames, cloud(), tmp_path / "small.gif", max_bytes=limit)
    assert small.stat().st_size <= limit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "a.png"}, r"^`path` must end in .gif; got 'a.png'"),
        ({"titles": ["one"]}, r"^`titles` must have 2 entries; got 1"),
        ({"frames": []}, r"^`frames` must have at least 1 array; got none"),
        ({"max_bytes": 10}, r"^`max_bytes` must leave room for 2 frames; got 10"),
        ({"frames_per_second": 0.0}, r"^`frames_per_second` must be finite and above 0; got 0.0"),
    ],
)
def test_animation_names_what_is_wrong_and_leaves_nothing(tmp_path, change, message):
    arguments = {"frames": [cloud(), cloud()], "path": "a.gif", **change}
    path = tmp_path / arguments.pop("path")
    with pytest.raises(ValueError, match=message):
        plotting.animate_alignment(arguments.pop("frames"), cloud(), path, **arguments)
    assert not list(tmp_path.iterdir())


def test_no_picture_touches_pyplot():
    import subprocess
    import sys

    code = (
        "import sys, lrmf_tfp.plotting as p; p.plot_history({'step': [0], 'loss': [1.0]});"
        "sys.exit('matplotlib.pyplot' in sys.modules or 'tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
