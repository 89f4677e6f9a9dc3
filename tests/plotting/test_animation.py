"""Animations: a frame each, side by side, the same each time, within their limit, bad input."""

from __future__ import annotations

import pytest
from PIL import Image

from lrmf_tfp import plotting
from tests.plotting.figures import cloud


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
