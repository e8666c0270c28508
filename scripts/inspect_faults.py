"""Faults to plant into the models of `inspect_zoo`: what people do wrong, written down without a look at the rules' thresholds."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

from bnviz.inspect import check, watch
from bnviz.inspect.report import Report
from scripts.inspect_zoo import BATCH, SUBJECTS, Head, Subject, conv_block, pictures

STEPS: Final = 60
BATCHES: Final = 8  # that a check gets
BY_NAME: Final = {subject.name: subject for subject in SUBJECTS}
Model = Any
Change = Callable[[Model], None]


@dataclass
class Run:
    """A training of one subject: what is done before, at every step, and afterwards."""

    subject: Subject
    seed: int
    steps: int = STEPS
    size: int = BATCH
    adam: bool = False
    rate: float = 0.1
    decay: float = 0.0
    accumulate: int = 1
    before: Change | None = None
    after_step: Callable[[Model, int, tuple[Any, ...]], None] | None = None
    batch: Callable[[int, tuple[Any, ...]], tuple[Any, ...]] | None = None
    model: Model = None
    optimizer: Any = None
    generator: torch.Generator = field(default_factory=torch.Generator)

    def begin(self) -> Run:
        """Build model and optimizer."""
        torch.manual_seed(self.seed)
        self.generator.manual_seed(self.seed)
        self.model = self.model if self.model is not None else self.subject.build()
        self.model.train()
        if self.before is not None:
            self.before(self.model)
        if self.adam:
            self.optimizer = torch.optim.Adam(self.model.parameters(), 3e-3, weight_decay=self.decay)
        else:
            self.optimizer = torch.optim.SGD(self.model.parameters(), self.rate, momentum=0.9, weight_decay=self.decay)
        return self

    def train(self, steps: int | None = None) -> Run:
        """Train for some steps."""
        count = self.steps if steps is None else steps
        batches = self.subject.batches(count * self.accumulate, self.generator, self.size)
        for step in range(count):
            self.optimizer.zero_grad()
            for _ in range(self.accumulate):
                args, targets = next(batches)
                if self.batch is not None:
                    args = self.batch(step, args)
                (self.subject.loss(self.model(*args), targets) / self.accumulate).backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            if self.after_step is not None:
                self.after_step(self.model, step, args)
        return self

    def loader(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Batches as a loader gives them."""
        found = self.subject.batches(BATCHES, self.generator, size or self.size)
        return [
            (*(args if self.batch is None else self.batch(step, args)), targets)
            for step, (args, targets) in enumerate(found)
        ]

    def check(self, **options: Any) -> Report:
        """`bnviz.check` on training batches."""
        return check(self.model, self.loader(), optimizer=self.optimizer, **options)

    def watched(self) -> Report:
        """Train under `bnviz.watch` and take its report."""
        with tempfile.TemporaryDirectory() as folder:
            watcher = watch(self.model, Path(folder) / "run.bnviz", optimizer=self.optimizer)
            self.train()
            report = watcher.close()
            assert report is not None
            return report


@dataclass(frozen=True)
class Fault:
    """One fault: the rule that ought to come first, and how it is planted and looked at."""

    name: str
    rule: str
    plant: Callable[[Subject, int], Report]
    subjects: tuple[str, ...] = ("MLP", "CNN", "ResNet")


def norms(model: Model) -> list[Any]:
    """The batch norms of a model."""
    return [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


def set_all(**values: Any) -> Change:
    """Set attributes of every batch norm."""

    def change(model: Model) -> None:
        for norm in norms(model):
            for name, value in values.items():
                setattr(norm, name, value)

    return change


def afterwards(change: Change, **options: Any) -> Callable[[Subject, int], Report]:
    """Train, change the model, check."""

    def plant(subject: Subject, seed: int) -> Report:
        run = Run(subject, seed, **options).begin().train()
        change(run.model)
        return run.check()

    return plant


def checked(**options: Any) -> Callable[[Subject, int], Report]:
    """Train as told and check."""
    return lambda subject, seed: Run(subject, seed, **options).begin().train().check()


def watched(**options: Any) -> Callable[[Subject, int], Report]:
    """Train as told under a watch."""
    return lambda subject, seed: Run(subject, seed, **options).begin().watched()


def replaced(model: Model, change: Callable[[Any], nn.Module | None], kinds: Any) -> None:
    """Put what `change` makes of every module of `kinds` in its place."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, kinds) and (new := change(child)) is not None:
                setattr(module, name, new)


def reset(model: Model) -> None:
    """Statistics as in a new layer."""
    for norm in norms(model):
        norm.reset_running_stats()


def only_parameters(subject: Subject, seed: int) -> Report:
    """A new model that got the parameters of a trained one and not its buffers."""
    run = Run(subject, seed).begin().train()
    other = subject.build()
    other.load_state_dict(dict(run.model.named_parameters()), strict=False)
    run.model = other
    return run.check()


def shifted_variance(model: Model) -> None:
    """A conversion that took the logarithm for the variance."""
    for norm in norms(model):
        norm.running_var.log_()
        norm.running_var.sub_(0.5)


def infinite(model: Model) -> None:
    """One channel that overflowed."""
    norms(model)[0].running_var[0] = torch.inf


def nan_batch(step: int, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """One picture of the last batch but one is not a number, and a careful loop left the weights alone: see `poisoned`."""
    del step
    first = args[0].clone()
    first[0] = torch.nan
    return (first, *args[1:])


def poisoned(subject: Subject, seed: int) -> Report:
    """One forward pass with NaN, its step skipped."""
    run = Run(subject, seed).begin().train()
    args, _ = next(iter(subject.batches(1, run.generator)))
    with torch.no_grad():
        run.model(*nan_batch(0, args))
    return run.check()


def stale(subject: Subject, seed: int) -> Report:
    """Statistics of an early checkpoint under later weights."""
    run = Run(subject, seed, rate=0.3).begin().train(5)
    early = {name: value.clone() for name, value in run.model.named_buffers()}
    run.train(80)
    for name, value in run.model.named_buffers():
        if "num_batches" not in name:
            value.copy_(early[name])
    return run.check()


def other_weights(subject: Subject, seed: int) -> Report:
    """Statistics of another run (another seed) loaded with these weights."""
    run = Run(subject, seed).begin().train()
    other = Run(subject, seed + 1000).begin().train()
    run.model.load_state_dict(dict(other.model.named_buffers()), strict=False)
    return run.check()


def new_camera(subject: Subject, seed: int) -> Report:
    """Evaluation on pictures of three times the contrast and another brightness."""
    run = Run(subject, seed).begin().train()
    run.batch = lambda step, args: tuple(3 * part + 1 for part in args)
    return run.check()


def frozen_eval(model: Model) -> None:
    """The batch norms in eval mode, their parameters trained."""
    for norm in norms(model):
        norm.eval()


def frozen_parameters(model: Model) -> None:
    """requires_grad=False and nothing else."""
    for norm in norms(model):
        norm.requires_grad_(False)


def forgotten_train(model: Model, step: int, args: tuple[Any, ...]) -> None:
    """A validation after step 20, and no train() behind it."""
    del args
    if step == 20:
        model.eval()


def monte_carlo(model: Model) -> None:
    """Eval mode with every norm switched back to train mode, as Monte-Carlo Dropout scripts do."""
    model.eval()
    for norm in norms(model):
        norm.train()


class AlwaysBatch(nn.Module):
    """A norm of one's own with the mode written in."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("running_mean", norm.running_mean)
        self.register_buffer("running_var", norm.running_var)

    def forward(self, x: Tensor) -> Tensor:
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, True, 0.1, self.eps
        )


def always_batch(model: Model) -> None:
    """Every batch norm replaced by `AlwaysBatch`."""
    replaced(model, AlwaysBatch, nn.modules.batchnorm._BatchNorm)
    model.eval()


def teacher_pass(model: Model, step: int, args: tuple[Any, ...]) -> None:
    """Targets from the model itself, in train mode without a gradient, at every step."""
    del step
    with torch.no_grad():
        model(*args)


def train_mode_validation(model: Model, step: int, args: tuple[Any, ...]) -> None:
    """Twenty validation batches after every twenty steps, without eval()."""
    if step % 20 == 19:
        with torch.no_grad():
            for _ in range(20):
                model(*args)


class Checkpointed(nn.Module):
    """The model under activation checkpointing."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *args: Tensor) -> Any:
        return checkpoint(self.model, *args, use_reentrant=False)


def checkpointed(subject: Subject, seed: int) -> Report:
    """Each forward pass done twice."""
    torch.manual_seed(seed)
    return Run(subject, seed, model=Checkpointed(subject.build())).begin().watched()


def single(subject: Subject, seed: int) -> Report:
    """A batch of one."""
    run = Run(subject, seed).begin().train()
    return check(run.model, run.loader(1)[0][0])


def last_single(subject: Subject, seed: int) -> Report:
    """97 samples in batches of 32."""
    run = Run(subject, seed).begin().train()
    args, labels = pictures(torch.arange(97))
    return check(run.model, DataLoader(TensorDataset(args[0], labels), batch_size=32))


def invert_every_second(step: int, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Ink on paper and chalk on slate in turns."""
    return args if step % 2 == 0 else tuple(1 - part for part in args)


def by_class(subject: Subject, seed: int) -> Report:
    """Batches of one class each."""
    run = Run(subject, seed).begin().train()
    labels = pictures(torch.arange(1500))[1]
    batches = [subject.batch(torch.nonzero(labels == digit).flatten()[:BATCH]) for digit in range(8)]
    return check(run.model, [(*args, targets) for args, targets in batches])


class TwoKinds(nn.Module):
    """Real and fake through one encoder, one after the other."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.body(x) + self.body(1 - x)
        return made


def two_kinds(subject: Subject, seed: int) -> Report:
    """A model that sees pictures and their negatives in turns within a pass."""
    torch.manual_seed(seed)
    return Run(subject, seed, model=TwoKinds(subject.build())).begin().train().check()


class Ema(nn.Module):
    """An average as many training scripts write it: the parameters follow, nothing else does."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(model)

    def forward(self, *args: Tensor) -> Any:
        return self.module(*args)

    def update(self, model: Model, step: int, args: tuple[Any, ...]) -> None:
        del step, args
        for mine, theirs in zip(self.module.parameters(), model.parameters(), strict=True):
            mine.data.lerp_(theirs.data, 0.1)


def averaged_model(subject: Subject, seed: int) -> Report:
    """A class `Ema` that began after five steps."""
    run = Run(subject, seed, rate=0.3).begin().train(5)
    averaged = Ema(run.model)
    run.after_step = averaged.update
    run.train(80)
    return check(averaged.eval(), run.loader())


def own_average(subject: Subject, seed: int) -> Report:
    """An average by hand: a copy whose parameters follow and whose buffers stay."""
    run = Run(subject, seed, rate=0.3).begin().train(5)
    shadow = copy.deepcopy(run.model).requires_grad_(False).eval()

    def follow(model: Model, step: int, args: tuple[Any, ...]) -> None:
        del step, args
        for mine, theirs in zip(shadow.parameters(), model.parameters(), strict=True):
            mine.data.lerp_(theirs.data, 0.1)

    run.after_step = follow
    run.train(80)
    return check(shadow, run.loader())


def add_bias(model: Model) -> None:
    """Every layer before a norm with a bias."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd)) and getattr(module, "bias", None) is None:
            outputs = module.out_features if isinstance(module, nn.Linear) else module.out_channels
            module.bias = nn.Parameter(torch.zeros(outputs))


def doubled(model: Model) -> None:
    """Two norms in a row."""
    replaced(
        model,
        lambda norm: nn.Sequential(norm, type(norm)(norm.num_features)),
        (nn.BatchNorm1d, nn.BatchNorm2d),
    )


def with_dropout(rate: float) -> Change:
    """Dropout behind every activation, and so before the next norm."""
    return lambda model: replaced(model, lambda relu: nn.Sequential(relu, nn.Dropout(rate)), nn.ReLU)


class Drop(nn.Module):
    """Dropout as a function."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(functional.relu(x), 0.5, self.training)


def with_functional_dropout(model: Model) -> None:
    """The same with a function."""
    replaced(model, lambda relu: Drop(), nn.ReLU)


def without_activation(model: Model) -> None:
    """The activations forgotten."""
    replaced(model, lambda relu: nn.Identity(), (nn.ReLU, nn.ELU))


class Tokenwise(nn.Module):
    """(N, L, C) tokens into a norm that takes L for the channels."""

    def __init__(self, right: bool = False) -> None:
        super().__init__()
        self.embed, self.norm, self.out = nn.Linear(8, 16), nn.BatchNorm1d(16 if right else 8), nn.Linear(16, 10)
        self.right = right

    def forward(self, x: Tensor) -> Tensor:
        tokens = torch.relu(self.embed(x.squeeze(1)))
        tokens = self.norm(tokens.transpose(1, 2)).transpose(1, 2) if self.right else self.norm(tokens)
        made: Tensor = self.out(tokens.mean(1))
        return made


class Recurrent(nn.Module):
    """The outputs of an LSTM into a norm that takes time for the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.norm, self.out = nn.LSTM(8, 16, batch_first=True), nn.BatchNorm1d(8), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.out(self.norm(self.lstm(x.squeeze(1))[0]).mean(1))
        return made


def wrong_layer_norm() -> nn.Module:
    """LayerNorm over the width of pictures."""
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.LayerNorm(8), nn.ReLU(), conv_block(8, 8), Head(8))


def built(make: Callable[[], nn.Module]) -> Callable[[Subject, int], Report]:
    """Another model in the subject's place, trained and checked."""

    def plant(subject: Subject, seed: int) -> Report:
        torch.manual_seed(seed)
        return Run(subject, seed, model=make()).begin().train().check()

    return plant


def tiny_inputs(step: int, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Inputs in the wrong unit: a thousandth."""
    del step
    return tuple(part / 1000 for part in args)


def small_inputs(step: int, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Inputs in a unit that leaves small variances."""
    del step
    return tuple(part / 20 for part in args)


def untracked(model: Model) -> None:
    """As built with track_running_stats=False."""
    set_all(track_running_stats=False, running_mean=None, running_var=None, num_batches_tracked=None)(model)


def zero_weights(model: Model) -> None:
    """Most outputs of the first layer are cut off."""
    layer = next(m for m in model.modules() if isinstance(m, (nn.Linear, nn.modules.conv._ConvNd)))
    with torch.no_grad():
        layer.weight[: int(0.7 * len(layer.weight))] = 0
        if layer.bias is not None:
            layer.bias[: int(0.7 * len(layer.weight))] = 0


def zero_gamma(model: Model) -> None:
    """γ of most channels decayed to nothing."""
    with torch.no_grad():
        for norm in norms(model):
            norm.weight[: int(0.7 * len(norm.weight))] = 0


def low_beta(model: Model) -> None:
    """A step that was too large: β far below zero."""
    with torch.no_grad():
        for norm in norms(model):
            norm.bias[: int(0.7 * len(norm.bias))] = -8


def normalized_end(model: Model) -> None:
    """A norm on the class scores."""
    if isinstance(model, nn.Sequential):
        model.append(nn.BatchNorm1d(10))


def huge_offset(step: int, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Unix time in place of hours: an offset of 10⁴ standard deviations."""
    del step
    return tuple(part + 1e4 for part in args)


def huge_scale(step: int, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Values beyond half precision's range."""
    del step
    return tuple(part * 1e6 for part in args)


def counter_lost(model: Model) -> None:
    """Cumulative statistics whose counter was not loaded."""
    for norm in norms(model):
        norm.num_batches_tracked.zero_()


def one_eps(model: Model) -> None:
    """One layer keeps the ε of another framework, beside small variances."""
    norms(model)[0].eps = 1e-3


def fresh_tail(subject: Subject, seed: int) -> Report:
    """Statistics that are right and a momentum with which they soon will not be."""
    return Run(subject, seed, before=set_all(momentum=0.99)).begin().train().check()


def adam_accumulated(subject: Subject, seed: int) -> Report:
    """Accumulation seen from Adam's own counter."""
    return Run(subject, seed, adam=True, accumulate=4).begin().train().check()


SEQUENTIAL: Final = ("MLP", "CNN", "1-D convolutions")
FAULTS: Final = (
    Fault("buffers reset", "never_updated", afterwards(reset)),
    Fault("parameters loaded without buffers", "never_updated", only_parameters, ("MLP", "U-Net", "DenseNet")),
    Fault("one batch with NaN", "invalid_statistics", poisoned),
    Fault("negative variances", "invalid_statistics", afterwards(shifted_variance), ("CNN", "LSTM")),
    Fault("an infinite variance", "invalid_statistics", afterwards(infinite), ("MLP", "3-D convolutions")),
    Fault("momentum 0", "momentum_zero", checked(before=set_all(momentum=0.0))),
    Fault("Keras' momentum 0.99", "momentum_large", fresh_tail, ("MLP", "ResNet", "autoencoder")),
    Fault("momentum 0.001, 60 steps", "started_recently", checked(before=set_all(momentum=0.001))),
    Fault("five steps", "started_recently", checked(steps=5), ("CNN", "MobileNetV2", "1-D convolutions")),
    Fault("statistics of an early checkpoint", "far_from_batches", stale),
    Fault("statistics of another run", "far_from_batches", other_weights, ("MLP", "CNN", "LSTM")),
    Fault("pictures of another contrast", "far_from_batches", new_camera, ("CNN", "ResNet", "MLP")),
    Fault("tracking switched off, buffers left", "untracked_buffers", checked(before=set_all(track_running_stats=False))),
    Fault("built without statistics", "no_statistics", checked(before=untracked)),
    Fault("norms in eval mode, trained", "eval_while_training", checked(before=frozen_eval)),
    Fault("norms in eval mode, trained (watched)", "eval_while_training", watched(before=frozen_eval)),
    Fault("train() forgotten after validation", "eval_while_training", watched(after_step=forgotten_train)),
    Fault("requires_grad=False only", "half_frozen", checked(before=frozen_parameters)),
    Fault("Monte-Carlo Dropout script", "training_in_eval", afterwards(monte_carlo)),
    Fault("training=True written into the layer", "training_in_eval", afterwards(always_batch)),
    Fault("accumulation over 4 batches (watched)", "updates_per_step", watched(accumulate=4)),
    Fault("accumulation over 4 batches (Adam)", "updates_per_step", adam_accumulated),
    Fault("checkpointing (watched)", "updates_per_step", checkpointed, ("CNN", "ResNet", "LSTM")),
    Fault("teacher passes in train mode (watched)", "moved_without_gradient", watched(after_step=teacher_pass)),
    Fault("validation in train mode (watched)", "moved_without_gradient", watched(after_step=train_mode_validation)),
    Fault("batches of 2", "batch_too_small", checked(size=2, rate=0.01), ("MLP", "LSTM")),
    Fault("batches of 3", "batch_too_small", checked(size=3, rate=0.01), ("MLP", "autoencoder")),
    Fault("a batch of one", "one_value", single, ("MLP", "LSTM", "autoencoder")),
    Fault("last batch of one", "one_value", last_single, ("MLP", "CNN")),
    Fault("two kinds of batches in turns (watched)", "two_populations", watched(batch=invert_every_second), ("MLP", "CNN", "LSTM")),
    Fault("two kinds of batches in turns", "two_populations", checked(batch=invert_every_second), ("MLP", "CNN", "ResNet")),
    Fault("batches of one class", "two_populations", by_class, ("MLP", "CNN", "LSTM")),
    Fault("two kinds in one pass", "two_populations", two_kinds, ("MLP", "CNN", "ResNet")),
    Fault("class Ema without buffers", "averaged_weights", averaged_model),
    Fault("average by hand without buffers", "averaged_weights", own_average),
    Fault("bias before the norm", "bias_before", checked(before=add_bias), ("MLP", "CNN", "3-D convolutions")),
    Fault("two norms in a row", "norm_after_norm", checked(before=doubled), ("MLP", "CNN", "ResNet")),
    Fault("tokens normalized over positions", "wrong_axis", built(Tokenwise), ("MLP",)),
    Fault("LSTM outputs normalized over time", "wrong_axis", built(Recurrent), ("MLP",)),
    Fault("layer norm over the width", "wrong_axis", built(wrong_layer_norm), ("CNN",)),
    Fault("Dropout before the norm", "dropout_before", checked(before=with_dropout(0.5)), ("MLP", "CNN", "1-D convolutions")),
    Fault("functional Dropout before the norm", "dropout_before", checked(before=with_functional_dropout), ("MLP", "CNN")),
    Fault("inputs in the wrong unit", "large_eps", checked(batch=tiny_inputs), ("MLP", "CNN")),
    Fault("ε = 1", "large_eps", checked(before=set_all(eps=1.0)), ("MLP", "CNN", "LSTM")),
    Fault("weights of most channels zero", "constant_channels", afterwards(zero_weights), ("MLP", "CNN", "3-D convolutions")),
    Fault("γ of most channels zero", "dead_channels", afterwards(zero_gamma), ("MLP", "CNN", "LSTM")),
    Fault("β of most channels at −8", "dead_channels", afterwards(low_beta), ("MLP", "CNN", "ResNet")),
    Fault("weight decay on γ and β", "weight_decay", checked(decay=1e-3), ("MLP", "CNN", "LSTM")),
    Fault("activations forgotten", "foldable", checked(before=without_activation), SEQUENTIAL),
    Fault("a norm behind the last layer", "norm_at_output", checked(before=normalized_end), SEQUENTIAL),
    Fault("an offset of ten thousand", "cancellation", checked(batch=huge_offset, rate=0.01), ("MLP", "autoencoder")),
    Fault("values beyond half precision", "half_range", checked(batch=huge_scale, rate=0.01), ("MLP", "CNN")),
    Fault("counter of cumulative statistics lost", "counter_zero", afterwards(counter_lost, before=set_all(momentum=None))),
    Fault("one layer with another ε", "eps_changed", checked(before=one_eps, batch=small_inputs), ("MLP", "CNN")),
)  # fmt: skip


def planted(fault: Fault, seed: int) -> Iterator[tuple[str, Report]]:
    """The fault in each of its subjects."""
    for name in fault.subjects:
        yield name, fault.plant(BY_NAME[name], seed)
