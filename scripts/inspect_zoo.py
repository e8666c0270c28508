"""Models for the proof of `bnviz.inspect`: hand-made architectures, each with batches of digits and the loss it is trained by.

None of them knows of a rule; thresholds are not taken from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.datasets import digits

BATCH: Final = 32
CLASSES: Final = 10
IMAGES: Final = 1500  # that are trained on


@dataclass(frozen=True)
class Subject:
    """One architecture: a model, a batch of its kind (arguments, targets) from sample indices, and its loss."""

    name: str
    build: Callable[[], nn.Module]
    batch: Callable[[Tensor], tuple[tuple[Any, ...], Any]]
    loss: Callable[[Any, Any], Tensor] = functional.cross_entropy

    def batches(
        self, count: int, generator: torch.Generator, size: int = BATCH
    ) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """`count` batches of `size` samples each, epoch by epoch without replacement."""
        order: list[int] = []
        for _ in range(count):
            if len(order) < size:
                order = torch.randperm(IMAGES, generator=generator).tolist()
            index, order = order[:size], order[size:]
            yield self.batch(torch.tensor(index))


def pictures(index: Tensor) -> tuple[tuple[Tensor], Tensor]:
    """Images (n, 1, 8, 8) and their classes."""
    images, labels = digits()
    return (images[index],), labels[index]


def conv_block(inputs: int, outputs: int, stride: int = 1, groups: int = 1, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class Residual(nn.Module):
    """Two convolutions and a short cut, as in ResNet-20."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_block(inputs, outputs, stride),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = inputs == outputs and stride == 1
        self.short = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.body(x) + self.short(x))


class PreActivation(nn.Module):
    """Batch norm and ReLU before each convolution; functions instead of modules where both would do."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.one = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.two = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.two(functional.relu(self.second(self.one(functional.relu(self.first(x))))))
        return made


class Dense(nn.Module):
    """A DenseNet block: every layer sees all before."""

    def __init__(self, channels: int, growth: int, layers: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels + growth * place) for place in range(layers))
        self.convs = nn.ModuleList(
            nn.Conv2d(channels + growth * place, growth, 3, padding=1, bias=False) for place in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = torch.cat([x, conv(functional.relu(norm(x)))], dim=1)
        return x


class Inverted(nn.Module):
    """An inverted residual of MobileNetV2: expand, depthwise, project without an activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 3 * channels
        self.body = nn.Sequential(
            conv_block(channels, wide, kernel=1),
            conv_block(wide, wide, groups=wide),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.body(x)
        return made


class Head(nn.Module):
    """Mean over pixels and a linear layer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.linear(x.mean(dim=tuple(range(2, x.ndim))))
        return made


class Rows(nn.Module):
    """An LSTM over the eight rows of an image, its inputs normalized over batch and time."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16, bias=False)
        self.norm = nn.BatchNorm1d(16)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.last = nn.BatchNorm1d(32)
        self.linear = nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.embed(x.squeeze(1))
        rows = self.norm(rows.transpose(1, 2)).transpose(1, 2)
        made: Tensor = self.linear(self.last(self.lstm(rows)[0][:, -1]))
        return made


class UNet(nn.Module):
    """One step down, one up, a bridge between; trained to remove noise."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = conv_block(1, 8), conv_block(8, 16)
        self.up = nn.Sequential(nn.ConvTranspose2d(16, 8, 2, 2, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.out = nn.Sequential(conv_block(16, 8), nn.Conv2d(8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        wide = self.down(x)
        made: Tensor = self.out(torch.cat([wide, self.up(self.deep(functional.max_pool2d(wide, 2)))], dim=1))
        return made


class Generator(nn.Module):
    """The half of a GAN that batch norm is in; the other half scores its pictures and is not a part of what is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Sequential(nn.Linear(16, 32 * 4, bias=False), nn.BatchNorm1d(32 * 4), nn.ReLU())
        self.grow = nn.Sequential(
            nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.grow(self.start(z).view(-1, 32, 2, 2))
        return made


class Siamese(nn.Module):
    """One encoder, called for both pictures of a pair."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(conv_block(1, 16), conv_block(16, 16, 2), nn.Flatten(), nn.Linear(256, 16))

    def forward(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {"first": self.encoder(a), "second": self.encoder(b)}


class Tokens(nn.Module):
    """Patches of a convolution with batch norm, then a transformer layer with layer norm."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_block(1, 16, 2)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True, norm_first=True)
        self.norm = nn.LayerNorm(16)
        self.linear = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.linear(self.norm(self.layer(self.stem(x).flatten(2).transpose(1, 2))).mean(1))
        return made


def mlp() -> nn.Module:
    """Two hidden layers."""
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs in (64, 64):
        layers += [nn.Linear(inputs, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, CLASSES))


def cnn() -> nn.Module:
    """Three convolutions."""
    return nn.Sequential(conv_block(1, 16), conv_block(16, 16, 2), conv_block(16, 32), Head(32))


def resnet() -> nn.Module:
    """ResNet-20's plan with narrow layers."""
    layers: list[nn.Module] = [conv_block(1, 8)]
    inputs = 8
    for outputs, stride in ((8, 1), (16, 2), (32, 2)):
        layers += [Residual(inputs, outputs, stride), Residual(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, Head(inputs))


def preactivation() -> nn.Module:
    """A ResNet with pre-activation."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), PreActivation(12), PreActivation(12), nn.BatchNorm2d(12), nn.ReLU(), Head(12)
    )


def densenet() -> nn.Module:
    """A dense block and a norm behind it."""
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), Dense(8, 8, 3), nn.BatchNorm2d(32), nn.ReLU(), Head(32))


def mobilenet() -> nn.Module:
    """Two inverted residuals."""
    return nn.Sequential(conv_block(1, 12), Inverted(12), Inverted(12), Head(12))


def signal() -> nn.Module:
    """1-D convolutions over the image read as a row of 64 values."""
    return nn.Sequential(
        nn.Conv1d(1, 16, 5, 2, 2, bias=False),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Conv1d(16, 32, 5, 2, 2, bias=False),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        Head(32),
    )


def volume() -> nn.Module:
    """3-D convolutions."""
    return nn.Sequential(
        nn.Conv3d(1, 8, 3, padding=1, bias=False),
        nn.BatchNorm3d(8),
        nn.ReLU(),
        nn.Conv3d(8, 16, 3, 2, 1, bias=False),
        nn.BatchNorm3d(16),
        nn.ReLU(),
        Head(16),
    )


def mixed_norms() -> nn.Module:
    """Batch, group and instance norm in one network."""
    return nn.Sequential(
        conv_block(1, 16),
        nn.Conv2d(16, 16, 3, padding=1, bias=False),
        nn.GroupNorm(4, 16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, bias=False),
        nn.InstanceNorm2d(16, affine=True),
        nn.ReLU(),
        Head(16),
    )


def autoencoder() -> nn.Module:
    """To a code of eight numbers and back."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 32, bias=False),
        nn.BatchNorm1d(32),
        nn.ELU(),
        nn.Linear(32, 8),
        nn.Linear(8, 32, bias=False),
        nn.BatchNorm1d(32),
        nn.ELU(),
        nn.Linear(32, 64),
        nn.Unflatten(1, (1, 8, 8)),
    )


def _row(index: Tensor) -> tuple[tuple[Tensor], Tensor]:
    (images,), labels = pictures(index)
    return (images.flatten(2),), labels


def _stack(index: Tensor) -> tuple[tuple[Tensor], Tensor]:
    (images,), labels = pictures(index)
    return (torch.stack([images, images.flip(2), images.flip(3), images.transpose(2, 3)], dim=2),), labels


def _noisy(index: Tensor) -> tuple[tuple[Tensor], Tensor]:
    (images,), _ = pictures(index)
    return (images + 0.3 * torch.randn_like(images),), images


def _itself(index: Tensor) -> tuple[tuple[Tensor], Tensor]:
    (images,), _ = pictures(index)
    return (images,), images


def _code(index: Tensor) -> tuple[tuple[Tensor], Tensor]:
    return (torch.randn(len(index), 16),), pictures(index)[0][0]


def _pair(index: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    (images,), labels = pictures(index)
    other = index.roll(1)
    return (images, digits()[0][other]), (labels == digits()[1][other]).float()


def _domains(index: Tensor) -> tuple[tuple[Tensor], Tensor]:
    """Every batch holds both kinds: ink on paper and chalk on slate."""
    (images,), labels = pictures(index)
    inverted = torch.arange(len(index)) % 2 == 1
    return (torch.where(inverted[:, None, None, None], 1 - images, images),), labels


def _moments(made: Tensor, real: Tensor) -> Tensor:
    """What a critic would tell apart first: mean picture and scatter."""
    return (made.mean(0) - real.mean(0)).square().mean() + (made.std(0) - real.std(0)).square().mean()


def _contrast(outputs: dict[str, Tensor], same: Tensor) -> Tensor:
    distance = (outputs["first"] - outputs["second"]).square().mean(1)
    return torch.where(same > 0, distance, functional.relu(1 - distance)).mean()


SUBJECTS: Final = (
    Subject("MLP", mlp, pictures),
    Subject("CNN", cnn, pictures),
    Subject("ResNet", resnet, pictures),
    Subject("pre-activation ResNet", preactivation, pictures),
    Subject("DenseNet", densenet, pictures),
    Subject("MobileNetV2", mobilenet, pictures),
    Subject("LSTM", Rows, pictures),
    Subject("U-Net", UNet, _noisy, functional.mse_loss),
    Subject("GAN generator", Generator, _code, _moments),
    Subject("1-D convolutions", signal, _row),
    Subject("3-D convolutions", volume, _stack),
    Subject("siamese", Siamese, _pair, _contrast),
    Subject("mixture of domains", cnn, _domains),
    Subject("autoencoder", autoencoder, _itself, functional.mse_loss),
    Subject("transformer", Tokens, pictures),
    Subject("mixed norms", mixed_norms, pictures),
)
