"""Settings of the page `builder`: the shared ones, and those that only a layer on paper has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bnviz.i18n import N_
from bnviz.settings import (
    BATCH_SIZES,
    Activation,
    Affine,
    Count,
    Eps,
    Groups,
    LabSettings,
    Mode,
    Momentum,
    Normalizer,
    Number,
    Parameter,
    Position,
    Seed,
    TrackRunningStats,
)

CHANNELS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
SIDES = (1, 2, 4, 7, 8, 14, 16, 28, 32, 56, 64, 112, 128, 224)

LayerKind = Literal["linear", "conv1d", "conv2d"]

BatchSize = Annotated[
    Count,
    Field(ge=1, le=4096),
    Parameter(N_("Batch size"), N_("Samples per batch, m."), N_("samples"), (*BATCH_SIZES, 2048, 4096)),
]
Layer = Annotated[
    LayerKind,
    Parameter(
        N_("Layer"),
        N_("nn.Linear on feature vectors (N, C), nn.Conv1d on sequences (N, C, L), nn.Conv2d on images (N, C, H, W)."),
        names={"linear": "Linear", "conv1d": "Conv1d", "conv2d": "Conv2d"},
    ),
]
InChannels = Annotated[
    Count,
    Field(ge=1, le=2048),
    Parameter(N_("Inputs"), N_("in_features of nn.Linear, in_channels of a convolution."), "", CHANNELS),
]
OutChannels = Annotated[
    Count,
    Field(ge=1, le=2048),
    Parameter(
        N_("Outputs"),
        N_("out_features or out_channels, C. The normalizer's num_features follows."),
        "",
        CHANNELS,
    ),
]
InputHeight = Annotated[
    Count, Field(ge=1, le=224), Parameter(N_("Height"), N_("Height of the input images, H."), N_("pixels"), SIDES)
]
InputWidth = Annotated[
    Count,
    Field(ge=1, le=224),
    Parameter(N_("Image width or length"), N_("Width of the input images, W; length of the sequences, L."), "", SIDES),
]
KernelSize = Annotated[
    Count, Field(ge=1, le=11), Parameter(N_("Kernel size"), N_("Side of the kernel, k."), "", tuple(range(1, 12)))
]
Stride = Annotated[
    Count, Field(ge=1, le=8), Parameter(N_("Stride"), N_("Step of the kernel, s."), "", tuple(range(1, 9)))
]
Padding = Annotated[
    Count, Field(ge=0, le=8), Parameter(N_("Padding"), N_("Zeros added on each side, p."), "", tuple(range(9)))
]
Bias = Annotated[
    Literal["auto", "true", "false"],
    Parameter(
        N_("Bias of the layer"),
        N_("where it acts: everywhere but right before a normalizer that subtracts one mean per channel."),
        names={"auto": N_("where it acts"), "true": N_("in any case"), "false": N_("no bias")},
    ),
]
DropoutRate = Annotated[
    Number,
    Field(ge=0, le=0.95),
    Parameter(
        N_("Dropout"),
        N_("Share of the values that nn.Dropout sets to 0 in training, p; 0 leaves the module out."),
        "",
        (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
    ),
]
DropoutPlace = Annotated[
    Literal["input", "before_norm", "end"],
    Parameter(
        N_("Place of Dropout"),
        N_("Before the layer, right before the normalizer, or at the end of the block."),
        names={"input": N_("before the layer"), "before_norm": N_("before the normalizer"), "end": N_("at the end")},
    ),
]
InputStd = Annotated[
    Number,
    Field(ge=1e-4, le=100),
    Parameter(
        N_("Spread of the input"),
        N_("Standard deviation of the Gaussian numbers that the block is tried on."),
        "",
        (1e-4, 1e-3, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0),
    ),
]
TrainingSteps = Annotated[
    Count,
    Field(ge=1, le=1_000_000),
    Parameter(
        N_("Training steps"),
        N_("How many batches you will train for; it decides whether the running statistics can find the truth."),
        N_("batches"),
        (1, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000, 1_000_000),
    ),
]


class Settings(LabSettings, offered={"in_channels": (1, 256), "out_channels": (1, 256), "batch_size": (1, 512)}):
    """Settings of the page. What PyTorch refuses is no error here: the page shows the refusal in PyTorch's own words."""

    layer: Layer = "conv2d"
    in_channels: InChannels = 3
    out_channels: OutChannels = 16
    batch_size: BatchSize = 32
    input_height: InputHeight = 32
    input_width: InputWidth = 32
    kernel_size: KernelSize = 3
    stride: Stride = 1
    padding: Padding = 1
    bias: Bias = "auto"
    normalizer: Normalizer = "batch"
    groups: Groups = 8
    position: Position = "before"
    eps: Eps = 1e-5
    momentum: Momentum = 0.1
    affine: Affine = True
    track_running_stats: TrackRunningStats = True
    activation: Activation = "relu"
    dropout: DropoutRate = 0.0
    dropout_place: DropoutPlace = "end"
    mode: Mode = "train"
    training_steps: TrainingSteps = 1000
    input_std: InputStd = 1.0
    seed: Seed = 0

    @property
    def normalizes(self) -> bool:
        """Whether the block has a normalizer."""
        return self.normalizer != "none" and self.position != "none"

    @property
    def keeps_estimates(self) -> bool:
        """Whether the normalizer is of a kind that can keep running statistics, and does."""
        return self.normalizes and self.normalizer in ("batch", "instance") and self.track_running_stats

    @property
    def input_positions(self) -> tuple[int, ...]:
        """Positions per channel of the input: (), (L,) or (H, W)."""
        return {
            "linear": (),
            "conv1d": (self.input_width,),
            "conv2d": (self.input_height, self.input_width),
        }[self.layer]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of a batch that goes in."""
        return (self.batch_size, self.in_channels, *self.input_positions)
