"""Arrays as images: which axis is what."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.core.uploads.limits import MAX_SIDE, MIN_SIDE, Shape, check_images
from bnviz.core.uploads.upload import NAME, finished
from bnviz.errors import Phrase, UploadError, shortened
from bnviz.i18n import N_

CHANNELS: Final = (1, 3)
ALPHA: Final = 4  # red, green, blue and how opaque


@dataclass(frozen=True, slots=True)
class Axes:
    """What the axes of an array of images are."""

    several: bool
    """Whether the first axis counts images."""
    channels: str
    """Where the colours are: "first" (before the height), "last", or "none"."""
    alpha: bool
    """Whether the last of four channels says how opaque a pixel is; it is left out."""
    sentences: tuple[Phrase, ...]
    """The sentence about it."""


def axes_of(shape: Shape) -> Axes:
    """The axes of an array of `shape`. No side has fewer than 8 pixels, so an axis of 1, 3 or 4 is one of colours.

    Raises: UploadError for what is no image, or too large.
    """
    last = len(shape) in {3, 4} and shape[-1] in (*CHANNELS, ALPHA) and min(shape[-3:-1]) >= MIN_SIDE
    first = len(shape) in {3, 4} and not last and shape[-3] in CHANNELS
    if len(shape) not in {2, 3, 4} or (len(shape) == 4 and not (first or last)):
        raise UploadError(
            N_(
                "An array of shape {shape} is no image. Read are (H, W), (N, H, W), channels last (H, W, 3), (N, H, W, 3) and "
                "channels first (3, H, W), (N, 3, H, W), each with 1 or 3 channels: bring the axes into one of these orders."
            ),
            shape=shortened(shape),
        )
    channels = "last" if last else "first" if first else "none"
    flat = _flattened(shape)
    if flat is not None and not (MIN_SIDE <= shape[0] <= MAX_SIDE and shape[1] <= MAX_SIDE):
        raise UploadError(
            N_("An array of shape {shape} is no image, but perhaps {count} flattened ones: save {code}."),
            shape=shortened(shape),
            count=shape[0],
            code=flat,
        )
    several = len(shape) == (4 if first or last else 3)
    height, width = shape[-3:-1] if last else shape[-2:]
    check_images(shape[0] if several else 1, height, width, shape[-1] if last else shape[-3] if first else 1)
    alpha = last and shape[-1] == ALPHA
    told = _told(shape, several, channels, alpha)
    if flat is not None:
        hint = N_("if these are {count} flattened images, save {code}")
        told = (*told, Phrase(hint, {"count": shape[0], "code": flat}))
    return Axes(several, channels, alpha, told)


def _flattened(shape: Shape) -> str | None:
    """Python that makes images of rows that may be flattened ones: their length is a square, or three times one."""
    if len(shape) != 2 or shape[0] == shape[1]:
        return None
    for channels in CHANNELS:
        side = isqrt(shape[1] // channels)
        if side >= MIN_SIDE and channels * side**2 == shape[1]:
            return f"array.reshape(-1, {f'{channels}, ' if channels > 1 else ''}{side}, {side})"
    return None


def _told(shape: Shape, several: bool, channels: str, alpha: bool) -> tuple[Phrase, ...]:
    axes = ["H", "W"]
    if channels == "last":
        axes.append(str(shape[-1]))
    elif channels == "first":
        axes.insert(0, str(shape[-3]))
    template = {
        "none": N_("read as grey images {order}"),
        "last": N_("read as channels last {order}"),
        "first": N_("read as channels first {order}"),
    }[channels]
    told = (Phrase(template, {"order": f"({', '.join([*['N'] * several, *axes])})"}),)
    return (*told, Phrase(N_("the fourth channel, opacity, is left out"))) if alpha else told


def as_images(array: NDArray[np.float64]) -> tuple[NDArray[np.float32], Axes]:
    """`array` as (N, C, H, W), the darkest value of all 0 and the brightest 1, and what its axes were taken for.

    Raises: UploadError for what is no image, or of one value.
    """
    axes = axes_of(array.shape)
    if axes.alpha:
        array = array[..., :3]
    low, high = array.min(), array.max()
    if low == high:
        raise UploadError(N_("All pixels have one value: there is nothing to see and nothing to normalize."))
    array = (array - low) / (high - low)
    if not axes.several:
        array = array[None]
    if axes.channels == "none":
        array = array[:, None]
    elif axes.channels == "last":
        array = np.moveaxis(array, -1, 1)
    return finished(array), axes


def image_reader(axes: Axes) -> str:
    """The lines that make images of the float64 array NAME, as `as_images` does."""
    lines = f"{NAME} = {NAME}[..., :3]  # without opacity\n" if axes.alpha else ""
    lines += f"{NAME} = ({NAME} - {NAME}.min()) / ({NAME}.max() - {NAME}.min())\n"
    if not axes.several:
        lines += f"{NAME} = {NAME}[None]\n"
    if axes.channels == "none":
        lines += f"{NAME} = {NAME}[:, None]\n"
    elif axes.channels == "last":
        lines += f"{NAME} = np.moveaxis({NAME}, -1, 1)\n"
    return lines + f"{NAME} = np.ascontiguousarray({NAME}, dtype=np.float32)  # (N, C, H, W)\n"
