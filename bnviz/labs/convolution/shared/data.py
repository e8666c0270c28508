"""What goes into the lab `convolution`: images, the feature maps that a fixed convolution makes of them, and batches."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.datasets import digits, photos
from bnviz.core.feature_maps import convolution, tiles
from bnviz.core.streams import stream
from bnviz.errors import UploadError
from bnviz.i18n import N_
from bnviz.labs.convolution.shared.settings import ImageSettings

MAX_SAMPLES: Final = 2000
SHOWN_PIXELS: Final = 60_000  # of the whole images that the maps show
SHOWN_IMAGES: Final = 4


def images_of(settings: ImageSettings, data: NDArray[np.float32] | None) -> Tensor:
    """The images (P, K, H, W) in [0, 1]. Raises: UploadError where there is no file, or fewer than two 8×8 tiles in it."""
    if settings.source == "digits":
        return digits()[0]
    if settings.source == "photos":
        return photos()
    if data is None:
        raise UploadError(
            N_("There is no file yet: a link cannot carry one. Choose your file, or take another source.")
        )
    images = torch.tensor(data, dtype=torch.float32)  # a copy: what a visitor gave cannot be written to
    if len(tiles(images)) < 2:
        raise UploadError(
            N_("The image holds only one 8×8 tile; a population needs at least two, that is 8×16 pixels.")
        )
    return images


def population_of(settings: ImageSettings, images: Tensor) -> Tensor:
    """Feature maps (P, C, 8, 8) of everything that a batch may hold: digits, or 8×8 tiles of larger images."""
    samples = tiles(images)[:MAX_SAMPLES]
    maps: Tensor = convolution(settings.kernels, samples.shape[1], settings.channels, settings.seed)(samples)
    return maps


def draws(settings: ImageSettings, population: int, batches: int) -> Tensor:
    """Indices (B, N) of the samples in every batch, drawn with replacement, so that samples are independent."""
    return torch.randint(0, population, (batches, settings.batch_size), generator=stream(settings.seed, "order"))


def shown_images(settings: ImageSettings, images: Tensor) -> Tensor:
    """The batch of whole images whose maps are shown: the first batch of digits, the photographs, the first of one's own."""
    if settings.source == "digits":
        return images[draws(settings, len(images), 1)[0]]
    return images[: max(1, min(SHOWN_IMAGES, SHOWN_PIXELS // images[0, 0].numel()))]
