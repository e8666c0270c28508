"""Settings of the lab `adaptation`; the parameters that only this lab has are declared here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bnviz.i18n import N_
from bnviz.settings import BatchSize, LabSettings, Number, Parameter, Seed, Seeds, spaced

Contrast = Annotated[
    Number,
    Field(ge=0.1, le=2),
    Parameter(N_("Contrast"), N_("Every pixel of the test images is multiplied by this."), "", spaced(0.1, 2.0, 0.1)),
]
Brightness = Annotated[
    Number,
    Field(ge=-1, le=1),
    Parameter(
        N_("Brightness"), N_("Added to every pixel of the test images; black is 0, white 1."), "", spaced(-1, 1, 0.1)
    ),
]
PixelNoise = Annotated[
    Number,
    Field(ge=0, le=1),
    Parameter(N_("Noise"), N_("Standard deviation of the normal noise added to every pixel."), "", spaced(0, 1, 0.05)),
]
Blur = Annotated[
    Number,
    Field(ge=0, le=1),
    Parameter(
        N_("Blur"),
        N_("Share of each pixel that is replaced by the mean of its 3×3 neighbourhood."),
        "",
        spaced(0, 1, 0.1),
    ),
]
SourceWeight = Annotated[
    Number,
    Field(ge=0, le=1024),
    Parameter(
        N_("Source weight N"),
        N_(
            "How many images the statistics from training count as, beside the n images of the test batch. 0: the batch alone."
        ),
        N_("images"),
        (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0),
    ),
]


class Settings(LabSettings):
    """Settings of the lab. All source weights are always compared; replicas take the seeds `seed`, `seed` + 1 and so on."""

    contrast: Contrast = 0.5
    brightness: Brightness = 0.4
    noise: PixelNoise = 0.0
    blur: Blur = 0.0
    batch_size: BatchSize = 16
    source_weight: SourceWeight = 1.0
    seeds: Seeds = 6
    seed: Seed = 0
