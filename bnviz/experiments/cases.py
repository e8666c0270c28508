"""The reported problems in the small: plain PyTorch, done wrong and done right, with one number for each.

Every function builds what the report built, in a few milliseconds, draws from a generator of its own, and returns what the
card tells the reader to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

MEAN, STD = 3.0, 2.0  # of the Gaussian features
ALPHA: Final = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """The number to look at: as reported, and after the cure."""

    wrong: float
    cured: float


def _features(m: int, channels: int, seed: int = 0) -> Callable[[], Tensor]:
    """Batches (m, C) of N(3, 2²), a new one at each call."""
    generator = torch.Generator().manual_seed(seed)
    return lambda: MEAN + STD * torch.randn(m, channels, generator=generator)


def _seen(norm: nn.Module, batch: Callable[[], Tensor], count: int) -> nn.Module:
    """`norm` after `count` forward passes in training mode, in eval mode."""
    norm.train()
    with torch.no_grad():
        for _ in range(count):
            norm(batch())
    return norm.eval()


@torch.no_grad()
def eval_differs() -> Measured:
    """Standard deviation behind batch norm in eval mode, 2 and 100 batches after the start; in train mode it is 1."""

    def spread(count: int) -> float:
        batch = _features(64, 8)
        return float(_seen(nn.BatchNorm1d(8), batch, count)(batch()).std())

    return Measured(spread(2), spread(100))


@torch.no_grad()
def momentum_elsewhere() -> Measured:
    """Standard deviation of the running mean from batch to batch, over σ, with Keras' 0.99 copied and converted."""

    def scatter(momentum: float) -> float:
        batch = _features(32, 200)
        norm = nn.BatchNorm1d(200, momentum=momentum)
        _seen(norm, batch, 600)
        assert norm.running_mean is not None
        return float((norm.running_mean - MEAN).std()) / STD

    return Measured(scatter(0.99), scatter(1 - 0.99))


@torch.no_grad()
def biased_variance() -> Measured:
    """Variance behind batch norm in eval mode, its estimates exact, over that in train mode: batches of 4 and of 64."""

    def ratio(m: int) -> float:
        batch = _features(m, 200)
        norm = nn.BatchNorm1d(200, momentum=None, affine=False)
        _seen(norm, batch, 400)
        values = [batch() for _ in range(20)]
        in_eval = torch.stack([norm(x).var(0, correction=0) for x in values]).mean()
        norm.train()
        return float(in_eval / torch.stack([norm(x).var(0, correction=0) for x in values]).mean())

    return Measured(ratio(4), ratio(64))


def batch_of_one() -> Measured:
    """Forward passes that PyTorch refuses in an epoch of 33 samples in batches of 8, the last one kept and dropped."""

    def refused(drop_last: bool) -> float:
        # What a DataLoader of batch size 8 hands out; the real one draws from the generator that all sessions share.
        batches = [batch for batch in torch.split(_features(33, 4)(), 8) if len(batch) == 8 or not drop_last]
        norm, count = nn.BatchNorm1d(4), 0
        for batch in batches:
            try:
                norm(batch)
            except ValueError:
                count += 1
        return float(count)

    return Measured(refused(drop_last=False), refused(drop_last=True))


@torch.no_grad()
def shrinking_chain() -> Measured:
    """Eval output over train output behind twenty batch norms in a row, the estimates exact: n = 64 and n = 2048 values."""

    def ratio(n: int) -> float:
        x = _features(n, 2)()
        chain = nn.Sequential(*[nn.BatchNorm1d(2, eps=1e-12, momentum=None, affine=False) for _ in range(20)])
        chain.train()
        y = chain(x)
        return float(chain.eval()(x).std() / y.std())

    return Measured(ratio(64), ratio(2048))


@torch.no_grad()
def not_frozen() -> Measured:
    """Change of the running mean over 50 batches, over σ: parameters frozen, and also `eval()`."""

    def moved(*, also_eval: bool) -> float:
        norm = nn.BatchNorm1d(8)
        _seen(norm, _features(64, 8), 100)
        assert norm.running_mean is not None
        norm.requires_grad_(False).train(not also_eval)
        before, batch = norm.running_mean.clone(), _features(64, 8, seed=1)
        for _ in range(50):
            norm(batch() + STD)  # other data, as in transfer learning
        return float((norm.running_mean - before).abs().mean()) / STD

    return Measured(moved(also_eval=False), moved(also_eval=True))


@torch.no_grad()
def updated_twice() -> Measured:
    """What one batch weighs in the running mean with checkpointing at momentum 0.1, and at 1 − √0.9.

    `torch.utils.checkpoint` runs the forward pass again in the backward pass. Here it is simply run twice: the real one costs a
    second of imports; a test holds the two together.
    """

    def weight(momentum: float) -> float:
        norm = nn.BatchNorm1d(1, momentum=momentum)
        _seen(norm, lambda: torch.tensor([[0.0], [2.0]]), 2)  # mean 1, so that the running mean is the weight
        return float(norm.running_mean)  # type: ignore[arg-type]

    return Measured(weight(ALPHA), weight(1 - (1 - ALPHA) ** 0.5))


@torch.no_grad()
def poisoned() -> Measured:
    """Share of running statistics that are NaN 100 good batches after one with a NaN, and after a reset and 20 batches."""
    norm, batch = nn.BatchNorm1d(8), _features(64, 8)
    bad = batch()
    bad[0] = torch.nan
    _seen(norm, batch, 20)
    _seen(norm, lambda: bad, 1)

    def share() -> float:
        return float(torch.cat([norm.running_mean, norm.running_var]).isnan().float().mean())  # type: ignore[list-item]

    _seen(norm, batch, 100)
    wrong = share()
    norm.reset_running_stats()
    _seen(norm, batch, 20)
    return Measured(wrong, share())


@torch.no_grad()
def few_batches() -> Measured:
    """Weight of the initial values in the running statistics after 5 and after 50 batches at momentum 0.1."""

    def left(count: int) -> float:
        norm = nn.BatchNorm1d(1, momentum=ALPHA)
        assert norm.running_mean is not None
        norm.running_mean.fill_(1.0)
        _seen(norm, lambda: torch.tensor([[-1.0], [1.0]]), count)  # batches of mean 0
        return float(norm.running_mean)

    return Measured(left(5), left(50))


@torch.no_grad()
def dropout_in_front() -> Measured:
    """Variance behind batch norm in eval mode, Dropout (p = 0.5) in front of it and behind it; in train mode it is 1."""

    def variance(*, in_front: bool) -> float:
        generator = torch.Generator().manual_seed(0)
        norm = nn.BatchNorm1d(64, momentum=None, affine=False)

        def batch() -> Tensor:
            x = torch.randn(256, 64, generator=generator)
            mask = torch.rand(x.shape, generator=generator) < 0.5
            return x * mask / 0.5 if in_front else x  # what nn.Dropout(0.5) does in training

        _seen(norm, batch, 50)
        return float(norm(torch.randn(2048, 64, generator=generator)).var())

    return Measured(variance(in_front=True), variance(in_front=False))


def redundant_bias() -> Measured:
    """Largest gradient of the bias of a linear layer in front of batch norm, over its weights' gradient; and that of β."""
    generator = torch.Generator().manual_seed(1)
    layer, norm = nn.utils.skip_init(nn.Linear, 8, 8), nn.BatchNorm1d(8)  # type: ignore[no-untyped-call]
    nn.init.normal_(layer.weight, generator=generator)
    nn.init.normal_(layer.bias, generator=generator)
    target = torch.randn(64, 8, generator=generator)
    nn.functional.mse_loss(norm(layer(_features(64, 8)())), target).backward()  # type: ignore[no-untyped-call]
    weight, bias, beta = (part.grad for part in (layer.weight, layer.bias, norm.bias))
    assert isinstance(weight, Tensor) and isinstance(bias, Tensor) and isinstance(beta, Tensor)  # noqa: PT018
    return Measured(float(bias.abs().max() / weight.abs().mean()), float(beta.abs().max() / weight.abs().mean()))


@torch.no_grad()
def leaking_mates() -> Measured:
    """How many of the 31 others' outputs move when one sample of the batch is changed: batch norm, layer norm."""
    one = _features(32, 8)()
    other = one.clone()
    other[0] = -other[0]

    def moved(norm: nn.Module) -> float:
        return float((norm(one) != norm(other)).any(dim=1)[1:].sum())

    return Measured(moved(nn.BatchNorm1d(8)), moved(nn.LayerNorm(8)))


@torch.no_grad()
def padded_sequences() -> Measured:
    """Running mean over the true mean, 40 % of the steps padding: zeros counted in, and left out."""
    generator, batch = torch.Generator().manual_seed(1), _features(256, 1)

    def estimate(*, masked: bool) -> float:
        norm = nn.BatchNorm1d(1, momentum=None)
        for _ in range(50):
            x, real = batch(), torch.rand(256, generator=generator) > 0.4
            norm(x[real] if masked else x * real.unsqueeze(1))
        return float(norm.running_mean) / MEAN  # type: ignore[arg-type]

    return Measured(estimate(masked=False), estimate(masked=True))


@torch.no_grad()
def small_batches() -> Measured:
    """Standard deviation of the batch variance over the true variance: batches of 2 and of 64."""

    def scatter(m: int) -> float:
        return float(_features(m, 4000)().var(0).std()) / STD**2

    return Measured(scatter(2), scatter(64))


@torch.no_grad()
def test_time_batches() -> Measured:
    """Standard deviation of one sample's output over 200 test batches of 8 that it is put into: train mode, eval mode."""

    def scatter(*, train: bool) -> float:
        norm, batch = nn.BatchNorm1d(1), _features(8, 1)
        _seen(norm, batch, 200)
        norm.train(train)
        sample = torch.tensor([[MEAN + STD]])
        return float(torch.cat([norm(torch.cat([sample, batch()[1:]]))[0] for _ in range(200)]).std())

    return Measured(scatter(train=True), scatter(train=False))


REPRODUCTIONS: Final[Mapping[str, Callable[[], Measured]]] = {
    "eval_differs": eval_differs,
    "test_time_batches": test_time_batches,
    "few_batches": few_batches,
    "momentum_elsewhere": momentum_elsewhere,
    "biased_variance": biased_variance,
    "shrinking_chain": shrinking_chain,
    "batch_of_one": batch_of_one,
    "small_batches": small_batches,
    "not_frozen": not_frozen,
    "updated_twice": updated_twice,
    "poisoned": poisoned,
    "dropout_in_front": dropout_in_front,
    "redundant_bias": redundant_bias,
    "leaking_mates": leaking_mates,
    "padded_sequences": padded_sequences,
}
