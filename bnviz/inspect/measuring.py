"""The passes that an inspection makes on a borrowed model, and what they give to the rules."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.hooks import RemovableHandle

from bnviz.errors import shortened
from bnviz.i18n import N_
from bnviz.inspect.batches import Batch
from bnviz.inspect.errors import InspectionError
from bnviz.inspect.evidence import Call, Evidence, Front, Outputs, Surroundings
from bnviz.inspect.folding import foldings
from bnviz.inspect.layers import bare, describe, kind_of, norm_modules
from bnviz.inspect.moments import measured
from bnviz.inspect.sampling import FALSE_ALARMS
from bnviz.inspect.setup import setup_of
from bnviz.inspect.trace import Node, Tracer, surroundings, tensors, weight_in_front

BACKWARD_SAMPLES = 4
COMPARED = 4  # batches whose outputs in train and eval mode are compared
ONE_VALUE = ("Expected more than 1 value per channel", "Expected more than 1 spatial element")


@dataclass
class Pass:
    """What one forward pass showed."""

    calls: dict[str, list[Call]] = field(default_factory=dict)
    outputs: list[Tensor] = field(default_factory=list)
    tracer: Tracer = field(default_factory=Tracer)
    dtypes: dict[str, str] = field(default_factory=dict)
    refused: str | None = None
    refused_layer: str | None = None


def gather(model: nn.Module, twin: nn.Module, batches: Sequence[Batch], optimizer: Any = None) -> Evidence:
    """Run `twin`, a borrowed `model`, over the `batches` and collect what the rules ask for."""
    _materialize(twin, batches[0])
    names = norm_modules(twin)
    modes = {module: module.training for module in twin.modules()}
    originals = norm_modules(bare(model))
    norms = tuple(
        describe(name, twin_module if _is_lazy(originals[name]) else originals[name])
        for name, twin_module in names.items()
    )
    setup = setup_of(model, norms, optimizer)
    train = _train(twin, modes)
    evaluations = [_evaluate(twin, names, batch) for batch in batches[:COMPARED]]
    with _statistics_kept(names), train():
        passes = [run(twin, names, batch, number, write=number == 0) for number, batch in enumerate(batches)]
    first = passes[0]
    quiet: list[Pass] = []
    if first.tracer.dropped:
        with _statistics_kept(names), train():
            quiet = [run(twin, names, batch, i, write=False, dropout=False) for i, batch in enumerate(batches)]
    setup = replace(
        setup,
        refused=first.refused,
        refused_layer=first.refused_layer,
        classifies=_classifies(first.outputs, batches),
        batch_training_in_eval=_training_in_eval(twin, names, evaluations[0], modes),
    )
    pairs = _pairs(twin, first.tracer.norms)
    around = {node.norm: surroundings(node) for node in reversed(first.tracer.norms) if node.norm is not None}
    return Evidence(
        norms=tuple(replace(norm, dtype=first.dtypes.get(norm.name, norm.dtype)) for norm in norms),
        calls=_joined(passes),
        without_dropout=_joined(quiet),
        surroundings=around,
        fronts=_fronts(twin, pairs, around),
        sizes=_sizes(twin),
        foldings=foldings(twin, pairs),
        recomputed=_recomputed(twin, names, batches[0], train) if twin is not bare(model) else {},
        outputs=_together(
            [
                _outputs(twin, names, batch, made, evaluation, train)
                for batch, made, evaluation in zip(batches, quiet or passes, evaluations, strict=False)
            ]
        ),
        setup=setup,
    )


def _is_lazy(module: nn.Module) -> bool:
    return any(is_lazy(values) for values in (*module.parameters(recurse=False), *module.buffers(recurse=False)))


@torch.no_grad()
def _materialize(twin: nn.Module, batch: Batch) -> None:
    """Give lazy layers of the copy their shapes."""
    if any(is_lazy(values) for values in (*twin.parameters(), *twin.buffers())):
        modes = {module: module.training for module in twin.modules()}
        twin.eval()(*batch.args, **batch.named)
        for module, mode in modes.items():
            module.training = mode


def run(
    model: nn.Module, names: Mapping[str, nn.Module], batch: Batch, number: int, *, write: bool, dropout: bool = True
) -> Pass:
    """One pass without a gradient; PyTorch's refusal of one value per channel is kept, any other raises `InspectionError`."""
    made = Pass(tracer=Tracer(without_dropout=not dropout, write=write))
    try:
        with _listening(names, made, number), torch.no_grad(), made.tracer:
            result = model(*batch.args, **batch.named)
    except InspectionError:
        raise
    except Exception as error:
        if not str(error).startswith(ONE_VALUE):
            raise InspectionError(
                N_("The model refuses this batch: {kind}: {error}"),
                kind=type(error).__name__,
                error=shortened(error, 300),
            ) from error
        made.refused = shortened(error, 200)
        made.refused_layer = made.tracer.where
        return made
    made.outputs = [values for values in tensors(result) if values.is_floating_point()]
    made.tracer.outputs(made.outputs)
    return made


@contextmanager
def _listening(names: Mapping[str, nn.Module], made: Pass, batch: int) -> Iterator[None]:
    """Measure every call of the norm layers `names` while the block runs; the hooks are gone afterwards."""
    handles: list[RemovableHandle] = []

    def hooks(name: str) -> tuple[Callable[..., None], Callable[..., None]]:
        kept: list[Tensor] = []

        def before(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
            del module
            values = next(iter(tensors((args, named))))
            # A later operation may write into the input; what is measured is what came in.
            kept.append(values)
            made.tracer.enter(name)

        def after(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
            values, result = kept.pop(), next(iter(tensors(output)))
            made.dtypes.setdefault(name, str(values.dtype).removeprefix("torch."))
            calls = made.calls.setdefault(name, [])
            kind = kind_of(module) or "batch"
            size = int(torch.Size(getattr(module, "normalized_shape", ())).numel()) if kind == "layer" else 0
            calls.append(measured(values, result, kind, size, batch, len(calls)))
            made.tracer.leave(name, values, result)

        return before, after

    try:
        for name, module in names.items():
            before, after = hooks(name)
            try:
                handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
                handles.append(module.register_forward_hook(after, with_kwargs=True))
            except Exception as error:  # a module that admits no hooks: not the batch's fault
                raise InspectionError(
                    N_("{layer} cannot be looked into: {kind}: {error}"),
                    layer=shortened(name),
                    kind=type(error).__name__,
                    error=shortened(error, 300),
                ) from error
        yield
    finally:
        for handle in handles:
            handle.remove()


def _train(twin: nn.Module, modes: Mapping[nn.Module, bool]) -> Callable[[], Any]:
    """The modes of training: those that the user left where the model is in train mode, else train mode everywhere."""
    as_left = modes[twin]

    @contextmanager
    def train() -> Iterator[None]:
        for module, mode in modes.items():
            module.training = mode if as_left else True
        yield

    return train


def _recomputed(
    twin: nn.Module, names: Mapping[str, nn.Module], batch: Batch, mode: Callable[[], Any]
) -> Mapping[str, int]:
    """How often one backward pass on a copy, with a few samples, calls each layer; nothing where it cannot be made."""
    counts: Counter[str] = Counter()

    def counting(name: str) -> Callable[..., None]:
        def called(*args: Any) -> None:
            del args
            counts[name] += torch._C._current_graph_task_id() != -1

        return called

    handles = [module.register_forward_hook(counting(name)) for name, module in names.items()]
    try:
        part = batch if batch.size is None else batch.part(BACKWARD_SAMPLES)
        with mode(), torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outputs = [y for y in tensors(twin(*part.args, **part.named)) if y.requires_grad]
            torch.stack([y.float().mean() for y in outputs]).sum().backward()  # type: ignore[no-untyped-call]
    except Exception:
        return {}  # too few samples for the model, or no gradient: nothing is said
    finally:
        for handle in handles:
            handle.remove()
        twin.zero_grad()
    return {name: count for name, count in counts.items() if count}


@contextmanager
def _statistics_kept(norms: Mapping[str, nn.Module]) -> Iterator[None]:
    """Put the running statistics back that the passes in train mode of the block move: what comes after judges those that were."""
    kept = [
        (values, values.clone())
        for module in norms.values()
        for values in module._buffers.values()
        if values is not None and not is_lazy(values)
    ]
    yield
    with torch.no_grad():
        for values, before in kept:
            values.copy_(before)


def _evaluate(twin: nn.Module, names: Mapping[str, nn.Module], batch: Batch) -> Pass:
    twin.eval()
    return run(twin, names, batch, 0, write=False)


def _training_in_eval(
    twin: nn.Module, names: Mapping[str, nn.Module], evaluation: Pass, modes: Mapping[nn.Module, bool]
) -> tuple[str, ...]:
    """Layers that normalize with the batch while the model is in eval mode, running statistics or not.

    Either they are left in train mode inside a model in eval mode, or they do so although `eval()` was called.
    """
    left = [name for name, module in names.items() if kind_of(module) == "batch" and modes[module] and not modes[twin]]
    owners = {id(module.running_mean): name for name, module in names.items() if hasattr(module, "running_mean")}
    kept = [mean for mean in evaluation.tracer.batch_norms_in_training if mean is not None]
    forced = [owners.get(id(mean), "batch_norm") for mean in kept]
    return tuple(dict.fromkeys([*left, *forced]))


def _joined(passes: Sequence[Pass]) -> dict[str, tuple[Call, ...]]:
    names = dict.fromkeys(name for made in passes for name in made.calls)
    return {name: tuple(call for made in passes for call in made.calls.get(name, ())) for name in names}


def _classifies(outputs: Sequence[Tensor], batches: Sequence[Batch]) -> bool:
    """Whether an output is scores of classes: the targets are their numbers, and use so many of them that this is no chance."""
    numbers = [batch.targets for batch in batches if _class_numbers(batch.targets)]
    found = torch.cat([part.reshape(-1) for part in numbers]) if numbers else torch.zeros(0)
    found = found[found >= 0]  # below are those that a loss ignores
    if not found.numel():
        return False
    known = int(found.max()) + 1
    # Were all classes as frequent, none of so many samples would be beyond `known` with the chance (known/classes)^samples.
    return any(
        known <= values.shape[1] and found.numel() * math.log(known / values.shape[1]) >= math.log(FALSE_ALARMS)
        for values in outputs
        if values.ndim > 1
    )


def _class_numbers(targets: Any) -> bool:
    return isinstance(targets, Tensor) and not targets.is_floating_point() and targets.dtype is not torch.bool


def _pairs(twin: nn.Module, norms: Sequence[Node]) -> list[tuple[str, str]]:
    """Names of a convolution or linear layer and of the batch norm that alone takes its output; each called once."""
    times = Counter(node.norm for node in norms)
    owners = {id(module.weight): name for name, module in twin.named_modules() if hasattr(module, "weight")}
    weights = Counter(weight for node in norms if (weight := weight_in_front(node)) is not None)
    return [
        (owners[weight], node.norm)
        for node in norms
        if node.norm is not None
        and times[node.norm] == 1
        and (weight := weight_in_front(node)) is not None
        and weight in owners
        and weights[weight] == 1
    ]


@torch.no_grad()
def _fronts(
    twin: nn.Module, pairs: Sequence[tuple[str, str]], around: Mapping[str, Surroundings]
) -> Mapping[str, Front]:
    """The first of each of `pairs` by the second."""
    modules: dict[str, Any] = dict(twin.named_modules())
    norms = norm_modules(twin)
    found = {}
    for layer, norm in pairs:
        weight: Tensor = modules[layer].weight
        if isinstance(modules[layer], nn.modules.conv._ConvTransposeNd):
            weight = weight.transpose(0, 1)
        squares = weight.double().square()
        last = around[norm].before[-1]
        before = last if last in norms else "" if last == "input" else None
        gamma = getattr(norms[before], "weight", None) if before else None
        if isinstance(gamma, Tensor):
            gains = gamma.double().square().flatten()
            if gains.numel() == weight.shape[1]:
                squares = squares * gains.reshape(1, -1, *[1] * (weight.ndim - 2))
            else:  # groups, or channels that were flattened
                squares = squares * gains.mean()
        # The sum over the fan-in is the mean square times it, and a new layer's mean square is a third of its inverse.
        size = (3 * squares.sum(dim=tuple(range(1, weight.ndim)))).sqrt()
        found[norm] = Front(layer, before, size.cpu().numpy())
    return found


@torch.no_grad()
def _sizes(twin: nn.Module) -> Mapping[str, float]:
    layers = {
        name: module
        for name, module in twin.named_modules()
        if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd))
    }
    return {
        name: float(layer.weight.double().square().mean()) ** 0.5 * (3 * layer.weight[0].numel()) ** 0.5
        for name, layer in layers.items()
    }


def _outputs(
    twin: nn.Module,
    names: Mapping[str, nn.Module],
    batch: Batch,
    train: Pass,
    evaluation: Pass,
    mode: Callable[[], Any],
) -> Outputs | None:
    """How far eval mode's outputs are from train mode's, and how far the first half's from the whole batch's."""
    if train.refused or not _comparable(train.outputs, evaluation.outputs):
        return None
    size = batch.size
    noise = None
    decided: list[Tensor | None] = [None, None, None]
    if size is not None and size >= 4 and all(values.ndim and values.shape[0] == size for values in train.outputs):
        with mode():
            half = run(twin, names, batch.part(size // 2), 0, write=False, dropout=False)
        whole = [values[: size // 2] for values in train.outputs]
        noise = _difference(half.outputs, whole) if _comparable(half.outputs, whole) else None
        if noise is not None:
            decided = [_decisions(made, batch.targets) for made in (train.outputs, evaluation.outputs, half.outputs)]
    in_train, in_eval, in_half = decided
    return Outputs(
        train_eval=_difference(evaluation.outputs, train.outputs),
        noise=noise,
        values=sum(values.numel() for values in train.outputs),
        decided=0 if in_train is None else len(in_train),
        changed=_disagreement(in_train, in_eval),
        unsettled=_disagreement(in_train, in_half),
        lost=0.0 if in_train is None else _lost(train.outputs[0], evaluation.outputs[0]),
    )


def _together(parts: Sequence[Outputs | None]) -> Outputs | None:
    """The same over several batches: root mean squares, and shares of all decisions."""
    known = [part for part in parts if part is not None]
    if parts[0] is None:
        return None
    noises = [part.noise for part in known if part.noise is not None]
    weights = [part.decided for part in known]
    decided = sum(weights)
    return Outputs(
        train_eval=_root_mean_square([part.train_eval for part in known]),
        noise=_root_mean_square(noises) if len(noises) == len(known) else None,
        values=sum(part.values for part in known),
        decided=decided,
        changed=float(np.average([part.changed for part in known], weights=weights)) if decided else 0.0,
        unsettled=float(np.average([part.unsettled for part in known], weights=weights)) if decided else 0.0,
        lost=float(np.average([part.lost for part in known], weights=weights)) if decided else 0.0,
    )


def _root_mean_square(values: Sequence[float]) -> float:
    return math.sqrt(sum(value**2 for value in values) / len(values))


def _decisions(outputs: Sequence[Tensor], targets: Any) -> Tensor | None:
    """(n, …) of the first outputs the place of the largest on axis 1, of a single one its sign; None where that decides nothing.

    Rows of numbers are taken for scores; pictures of them where the targets are class numbers of their shape.
    """
    scores = outputs[0]
    classes = _class_numbers(targets) and targets.shape == scores.shape[:1] + scores.shape[2:]
    if scores.ndim < 2 or not (scores.ndim == 2 or classes):
        return None
    return scores[:, 0] > 0 if scores.shape[1] == 1 else scores.argmax(dim=1)


def _lost(one: Tensor, other: Tensor) -> float:
    """Bits: mean Kullback-Leibler divergence of the classes' probabilities (axis 1) in `other` from those in `one`."""
    before, after = (_log_probabilities(scores.double()) for scores in (one, other))
    return float((before.exp() * (before - after)).sum(dim=1).mean()) / math.log(2)


def _log_probabilities(scores: Tensor) -> Tensor:
    if scores.shape[1] == 1:
        scores = torch.cat([scores, torch.zeros_like(scores)], dim=1)
    if (scores >= 0).all() and ((scores.sum(dim=1) - 1).abs() < 1e-3).all():
        return scores.clamp_min(1e-12).log()  # they are probabilities
    return scores.log_softmax(dim=1)


def _disagreement(one: Tensor | None, other: Tensor | None) -> float:
    """Share of different decisions among those of the samples that both have."""
    if one is None or other is None or not len(one):
        return 0.0
    size = min(len(one), len(other))
    return float((one[:size] != other[:size]).double().mean())


def _comparable(a: Sequence[Tensor], b: Sequence[Tensor]) -> bool:
    return bool(a) and [values.shape for values in a] == [values.shape for values in b]


def _difference(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """RMS difference over the standard deviation of `b`; the largest of the outputs'."""
    ratios = []
    for one, other in zip(a, b, strict=True):
        scale = float(other.double().std(correction=0))
        if scale > 0:
            ratios.append(float((one.double() - other.double()).square().mean().sqrt()) / scale)
    return max(ratios, default=0.0)
