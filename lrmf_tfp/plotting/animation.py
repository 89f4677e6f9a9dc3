"""An alignment in motion, or several side by side, as a GIF."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image

from lrmf_tfp._core.files import write_whole
from lrmf_tfp._core.typing import Array
from lrmf_tfp._validation import check_positive, check_positive_int
from lrmf_tfp.plotting._checks import as_frames, as_plane
from lrmf_tfp.plotting._style import (
    GREY,
    dots,
    frame,
    limits,
    new_figure,
    point_colors,
    set_limits,
    widen,
)

__all__ = ["animate_alignment", "animate_comparison"]

_HOLD_SECONDS = 1.5  # the last frame stays
_PALETTE_SIZE = 64
_SHRINK = 0.85
_NEARLY_WHITE = 244


def animate_alignment(
    frames: Sequence[ArrayLike],
    target: ArrayLike,
    path: str | os.PathLike[str],
    *,
    colors: ArrayLike | None = None,
    titles: Sequence[str] | None = None,
    frames_per_second: float = 12.0,
    max_bytes: int = 2_000_000,
) -> Path:
    """Write a GIF of points that move onto the target.

    The file is written beside its final place and renamed, so that no half of it is ever seen.
    A GIF that would be too large is made smaller in pixels.

    Args:
        frames: the points in each frame, `[N, 2]` each.
        target: samples to match, `[M, 2]`, in grey.
        path: file to write; its suffix must be `.gif`.
        colors: one number a point, `[N]`, shown in viridis; vermillion when None.
        titles: one text a frame; none when None.
        frames_per_second: speed; the last frame is held.
        max_bytes: largest file to write.

    Returns:
        The path.

    Raises:
        TypeError: if samples are not numbers.
        ValueError: if shapes differ, the titles are not one a frame, the suffix is not `.gif`, or
            even a small picture would be larger than `max_bytes`.
    """
    return animate_comparison(
        [frames],
        target,
        path,
        colors=colors,
        titles=None if titles is None else [titles],
        frames_per_second=frames_per_second,
        max_bytes=max_bytes,
    )


def animate_comparison(
    methods: Sequence[Sequence[ArrayLike]],
    target: ArrayLike,
    path: str | os.PathLike[str],
    *,
    names: Sequence[str] | None = None,
    colors: ArrayLike | None = None,
    titles: Sequence[Sequence[str]] | None = None,
    frames_per_second: float = 12.0,
    max_bytes: int = 2_000_000,
) -> Path:
    """Write a GIF of several methods that move the same points onto the target, side by side.

    See `animate_alignment`, which is the same for one method.

    Args:
        methods: for each method the points in each frame, `[N, 2]` each; as many frames each.
        target: samples to match, `[M, 2]`, in grey.
        path: file to write; its suffix must be `.gif`.
        names: one text a method, above its panel; none when None.
        colors: one number a point, `[N]`, shown in viridis; vermillion when None.
        titles: one text a frame for each method; none when None.
        frames_per_second: speed; the last frame is held.
        max_bytes: largest file to write.

    Returns:
        The path.

    Raises:
        TypeError: if samples are not numbers.
        ValueError: if shapes or numbers of frames differ, the titles or names are not as many, the
            suffix is not `.gif`, or even a small picture would be larger than `max_bytes`.
    """
    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"`path` must end in .gif; got {path.name!r}.")
    if not methods:
        raise ValueError("`methods` must have at least 1 entry; got none.")
    clouds = [as_frames(frames, "frames") for frames in methods]
    target = as_plane(target, "target")
    captions = _captions(clouds, names=names, titles=titles)
    check_positive(frames_per_second, "frames_per_second")
    check_positive_int(max_bytes, "max_bytes")
    paint = point_colors(colors, num_rows=len(clouds[0][0]))
    images = _render(clouds, target, captions=captions, paint=paint)
    content = _encode_within(images, frames_per_second, max_bytes=max_bytes)
    write_whole(path, lambda stream: stream.write(content))
    return path


def _captions(
    clouds: Sequence[Sequence[Array]],
    *,
    names: Sequence[str] | None,
    titles: Sequence[Sequence[str]] | None,
) -> list[list[str]]:
    """Return the text above each panel in each frame."""
    num_frames = len(clouds[0])
    for frames in clouds:
        if len(frames) != num_frames:
            raise ValueError(f"`frames` must have {num_frames} entries; got {len(frames)}.")
    if names is not None and len(names) != len(clouds):
        raise ValueError(f"`names` must have {len(clouds)} entries; got {len(names)}.")
    if titles is not None and len(titles) != len(clouds):
        raise ValueError(f"`titles` must have {len(clouds)} lists; got {len(titles)}.")
    for texts in titles or []:
        if len(texts) != num_frames:
            raise ValueError(f"`titles` must have {num_frames} entries; got {len(texts)}.")
    names = names or [""] * len(clouds)
    titles = titles or [[""] * num_frames] * len(clouds)
    return [
        [f"{name}\n{text}" if name else text for text in texts]
        for name, texts in zip(names, titles, strict=True)
    ]


def _render(
    clouds: Sequence[Sequence[Array]],
    target: Array,
    *,
    captions: Sequence[Sequence[str]],
    paint: str | Array,
) -> list[Image.Image]:
    ends = [points for frames in clouds for points in (frames[0], frames[-1])]
    everything = np.concatenate([points for frames in clouds for points in frames])
    bounds = widen(limits(*ends, target, moved=everything), height_to_width=1.0)
    figure = new_figure(4.2 if len(clouds) == 1 else 3.0 * len(clouds), 4.0)
    figure.set_dpi(110)
    panels = figure.subplots(1, len(clouds), sharex=True, sharey=True, squeeze=False)[0]
    moving = []
    for axes, frames in zip(panels, clouds, strict=True):
        frame(axes)
        set_limits(axes, bounds)
        dots(axes, target, color=GREY, alpha=0.7)
        moving.append(dots(axes, frames[0], color=paint))
    canvas = FigureCanvasAgg(figure)
    images = []
    for index in range(len(clouds[0])):
        for axes, points, frames, texts in zip(panels, moving, clouds, captions, strict=True):
            points.set_offsets(frames[index])
            axes.set_title(texts[index] or " ", fontsize=10, family="monospace")
        images.append(_snapshot(canvas, figure))
    return images


def _snapshot(canvas: FigureCanvasAgg, figure: Figure) -> Image.Image:
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    figure.set_layout_engine("none")  # settled by the first frame: later ones must not jump
    return image


def _encode_within(
    images: Sequence[Image.Image], frames_per_second: float, *, max_bytes: int
) -> bytes:
    scale = 1.0
    while scale > 0.3:
        width, height = (max(1, round(side * scale)) for side in images[0].size)
        sized = [image.resize((width, height), Image.Resampling.LANCZOS) for image in images]
        content = _encode(images if scale == 1.0 else sized, frames_per_second)
        if len(content) <= max_bytes:
            return content
        scale *= _SHRINK
    raise ValueError(f"`max_bytes` must leave room for {len(images)} frames; got {max_bytes}.")


def _encode(images: Sequence[Image.Image], frames_per_second: float) -> bytes:
    palette = _palette(images)
    flat = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    tick = max(20, round(1000.0 / frames_per_second))
    times = [tick] * (len(flat) - 1) + [int(1000 * _HOLD_SECONDS)]
    buffer = io.BytesIO()
    flat[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=flat[1:],
        duration=times,
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()


def _palette(images: Sequence[Image.Image]) -> Image.Image:
    """Return an image with the colours of the first and last frames, pure white among them."""
    first, last = images[0], images[-1]
    both = Image.new("RGB", (first.width + last.width, first.height))
    both.paste(first, (0, 0))
    both.paste(last, (first.width, 0))
    palette = both.quantize(_PALETTE_SIZE)
    colors = np.array(palette.getpalette()).reshape(-1, 3)
    colors[(colors > _NEARLY_WHITE).all(axis=1)] = 255
    palette.putpalette(colors.ravel().tolist())
    return palette
