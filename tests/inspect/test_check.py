"""`check` changes nothing, takes what people hand in, and says in one sentence what it cannot do."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from bnviz.inspect import InspectionError, check
from scripts.inspect_zoo import SUBJECTS, Subject
from tests.inspect.models import batches, net, seen, severities, trained


def state(model: nn.Module) -> dict[str, bytes]:
    """Every bit of parameters, gradients, buffers and modes."""
    bits = {name: values.detach().numpy().tobytes() for name, values in model.state_dict().items()}
    bits |= {f"{n}.grad": p.grad.numpy().tobytes() for n, p in model.named_parameters() if p.grad is not None}
    bits |= {f"{name}.mode": bytes([module.training]) for name, module in model.named_modules()}
    return bits | {f"{name}.frozen": bytes([p.requires_grad]) for name, p in model.named_parameters()}


def random_states() -> tuple[bytes, Any, Any]:
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), repr(np.random.get_state())  # noqa: NPY002


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_nothing_is_changed(subject: Subject) -> None:
    model = subject.build()
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for args, targets in subject.batches(3, generator):
        subject.loss(model(*args), targets).backward()
        optimizer.step()
    loader = [(*args, targets) for args, targets in subject.batches(2, generator)]
    before, draws = state(model), random_states()
    versions = [buffer._version for buffer in model.buffers()]
    check(model, loader, loss=subject.loss, optimizer=optimizer, recalibrate=loader)
    assert state(model) == before
    assert random_states() == draws
    assert [buffer._version for buffer in model.buffers()] == versions


def test_a_model_that_cannot_be_copied_is_left_alone_too() -> None:
    model = trained(net())
    model.kept = model(next(batches(1))[0])  # hangs in a graph: deepcopy refuses
    with pytest.raises(RuntimeError):
        copy.deepcopy(model)
    before, buffers = state(model), [id(buffer) for buffer in model.buffers()]
    assert severities(seen(model)) == {}
    assert state(model) == before
    assert [id(buffer) for buffer in model.buffers()] == buffers


def test_dropout_draws_from_the_generator_and_puts_it_back() -> None:
    model = net(nn.ReLU(), nn.Dropout(0.5))
    torch.manual_seed(1)
    seen(model)
    first = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), first)


@dataclass
class Answer:
    """As some libraries give."""

    logits: Tensor
    hidden: tuple[Tensor, ...] = ()


class Wrapped(nn.Module):
    """The model with another kind of output."""

    def __init__(self, give: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.body, self.give = trained(net()), give

    def forward(self, x: Tensor) -> Any:
        return self.give(self.body(x))


@pytest.mark.parametrize(
    "give", [lambda y: {"logits": y}, lambda y: (y, [y]), lambda y: Answer(y, (y,))], ids=["dict", "tuple", "dataclass"]
)
def test_outputs_of_any_kind(give: Callable[[Tensor], Any]) -> None:
    assert severities(seen(Wrapped(give))) == {}


def endless() -> Iterator[tuple[Tensor, Tensor]]:
    return ((torch.randn(16, 6), torch.zeros(16)) for _ in count())


@pytest.mark.parametrize(
    "inputs",
    [
        torch.randn(16, 6),
        np.random.default_rng(0).normal(size=(16, 6)).astype(np.float32),
        {"input": torch.randn(16, 6)},
        (torch.randn(16, 6),),
        [torch.randn(16, 6)] * 2,
        endless(),
        DataLoader(TensorDataset(torch.randn(32, 6), torch.zeros(32)), batch_size=16, shuffle=True),
    ],
    ids=["tensor", "array", "mapping", "arguments", "list", "endless loader", "DataLoader"],
)
def test_inputs_of_any_kind(inputs: Any) -> None:
    assert "samples per batch 16" in str(check(net(), inputs))


class NoHooks(nn.BatchNorm1d):
    """A module that admits no hooks, as compiled ones do."""

    def register_forward_pre_hook(self, *args: Any, **named: Any) -> Any:
        raise RuntimeError("no hooks")


@pytest.mark.parametrize(
    ("model", "inputs", "sentence"),
    [
        (
            nn.Sequential(nn.Linear(6, 2), nn.ReLU()),
            torch.randn(4, 6),
            "nothing to look at; found: Sequential, Linear, ReLU",
        ),
        (net(), torch.randn(4, 5), "The model refuses this batch: RuntimeError"),
        (net(), [], "The inputs hold no batch"),
        (net(), 3, "The inputs hold no batch: int"),
        (net(), ["text"], "The inputs hold no tensor"),
        (net(), (1 / 0 for _ in range(3)), "The loader raises ZeroDivisionError"),
        ("model", torch.randn(4, 6), "Expected a torch.nn.Module; got str"),
        (lambda: torch.jit.trace(net().eval(), torch.randn(4, 6)), torch.randn(4, 6), "1 is TorchScript"),
        (lambda: nn.Sequential(NoHooks(8)), torch.randn(4, 8), "0 cannot be looked into: RuntimeError: no hooks"),
    ],
    ids=[
        "no norm",
        "refused",
        "empty",
        "no loader",
        "no tensor",
        "broken loader",
        "no module",
        "TorchScript",
        "no hooks",
    ],
)
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_what_cannot_be_looked_at_is_one_sentence(model: Any, inputs: Any, sentence: str) -> None:
    made = model() if callable(model) and not isinstance(model, nn.Module) else model
    with pytest.raises(InspectionError, match=re.escape(sentence)):
        check(made, inputs)


def test_a_report_says_the_same_in_every_form() -> None:
    model = trained(net(bias=True))
    model[1].reset_running_stats()
    report = seen(model)
    found = json.loads(report.to_json())["findings"]
    assert (
        [part["rule"] for part in found]
        == [finding.rule for finding in report.findings]
        == ["never_updated", "bias_before"]
    )
    for text in (str(report), report.to_html(), report._repr_html_()):
        assert all(finding.rule in text for finding in report.findings)
    assert report.to_html().startswith("<!doctype html>")
    assert "src=" not in report.to_html()
    assert report.errors == report.findings[:1]


def test_names_in_a_report_are_text() -> None:
    model = nn.Sequential()
    model.add_module("<script>alert(1)</script>", net()[1])
    model[0].num_batches_tracked.fill_(0)
    model[0].running_mean.fill_(torch.nan)
    assert "<script>alert" not in check(model, torch.randn(8, 8)).to_html()


def test_an_empty_list_says_what_was_looked_at() -> None:
    report = seen(trained(net()))
    assert report.findings == ()
    assert str(report) == (
        "Looked at: normalization layers 1, batches 8, samples per batch 32. Everything is in order; whether the loss in eval mode "
        "gains by other statistics was not tried (loss=, recalibrate=)."
    )


def test_a_batch_that_is_refused_is_counted_as_it_is() -> None:
    """PyTorch refuses one value per channel, and no layer took anything."""
    assert "samples per batch 1." in str(check(trained(net()), torch.randn(1, 6)))


def test_inputs_without_a_common_first_axis_have_no_samples_to_count() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(6)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x.sum() + y.sum()

    report = check(Unused(), (torch.randn(3, 6), torch.randn(2)))
    assert str(report).startswith("Looked at: normalization layers 1, batches 1.")


def test_synchronized_batch_norm_is_looked_at_on_one_process() -> None:
    model = nn.SyncBatchNorm.convert_sync_batchnorm(trained(net()))
    assert severities(seen(model)) == {}
    assert type(model[1]) is nn.SyncBatchNorm


def test_lazy_and_compiled_models() -> None:
    assert "never_updated" in severities(
        check(nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d()), torch.randn(8, 6))
    )
    assert severities(seen(torch.compile(trained(net()), backend="eager"))) == {}


@pytest.mark.parametrize(
    "norm", [nn.LayerNorm(8), nn.GroupNorm(2, 8), nn.RMSNorm(8)], ids=lambda norm: type(norm).__name__
)
def test_other_norms_are_looked_at(norm: nn.Module) -> None:
    report = seen(trained(nn.Sequential(nn.Linear(6, 8), norm, nn.ReLU(), nn.Linear(8, 2))))
    assert report.layers == ("1",)
    assert report.findings == ()


def test_recalibration_changes_the_copy_alone() -> None:
    model = trained(net())
    model[1].running_var.mul_(100)
    data = list(batches(8, seed=1))
    before = state(model)
    report = check(model, data, loss=functional.cross_entropy, recalibrate=data)
    (refill,) = [finding for finding in report.findings if finding.rule == "refill_gains"]
    assert refill.measured > refill.expected
    assert state(model) == before
