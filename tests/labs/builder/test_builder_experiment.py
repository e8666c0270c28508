"""The page `builder`: the printed code is executed and compared with the module that the page measured, over a grid of settings."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.errors import CostError
from bnviz.labs.builder.comparisons import comparisons
from bnviz.labs.builder.experiment import run
from bnviz.labs.builder.experiment.advice import RULES, Seen, advice
from bnviz.labs.builder.experiment.modules import build
from bnviz.labs.builder.plan import has_bias, stages_of
from bnviz.labs.builder.result import Result
from bnviz.labs.builder.script import block
from bnviz.labs.builder.settings import Settings

SMALL: dict[str, Any] = {
    "in_channels": 3, "out_channels": 8, "batch_size": 6, "input_height": 5, "input_width": 7, "groups": 4, "input_std": 2.0,
    "seed": 11,
}  # fmt: skip
GRID = [
    {"layer": layer, "normalizer": normalizer, "position": position, "mode": mode, **rest}
    for (layer, normalizer, position, mode), rest in zip(
        itertools.product(
            ("linear", "conv1d", "conv2d"),
            ("none", "batch", "layer", "group", "instance"),
            ("before", "after"),
            ("train", "eval"),
        ),
        itertools.cycle(
            (
                {},
                {"dropout": 0.4, "dropout_place": "input", "affine": False, "activation": "gelu"},
                {"dropout": 0.3, "dropout_place": "before_norm", "momentum": "cumulative", "bias": "true", "eps": 0.1},
                {"dropout": 0.5, "activation": "identity", "track_running_stats": False, "stride": 2},
                {"bias": "false", "momentum": 0.5, "activation": "tanh", "kernel_size": 4, "padding": 2},
                {"affine": False, "activation": "leaky_relu", "eps": 1e-3, "padding": 0},
                {"track_running_stats": False, "activation": "elu", "affine": False},
            )
        ),
        strict=False,
    )
]


def executed(settings: Settings) -> tuple[nn.Sequential, torch.Tensor]:
    """The block that the printed code makes after `torch.manual_seed`, and what it gives for the page's batch."""
    names: dict[str, Any] = {}
    with torch.random.fork_rng(), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(settings.seed)
        exec(block(settings), names)
        output = names["block"](settings.input_std * torch.randn(settings.input_shape))
    return names["block"], output


@pytest.mark.parametrize("changes", GRID, ids=lambda changes: "-".join(map(str, changes.values())))
def test_the_code_makes_what_the_page_shows(changes: dict[str, Any]) -> None:
    settings = Settings(**{**SMALL, **changes})
    result = run(settings)
    if result.refusal:
        with pytest.raises((ValueError, RuntimeError)) as caught:
            executed(settings)
        assert result.refusal == f"{type(caught.value).__name__}: {caught.value}"
        return
    module, output = executed(settings)
    assert repr(module) == repr(build(stages_of(settings), torch.Generator())[0])
    assert [(entry.name, entry.shape, f"torch.{entry.dtype}", entry.count) for entry in result.tensors] == [
        (name, tuple(value.shape), str(value.dtype), value.numel()) for name, value in module.state_dict().items()
    ]
    assert {entry.name for entry in result.tensors if entry.trained} == {name for name, _ in module.named_parameters()}
    assert result.shapes[-1] == tuple(output.shape)
    assert result.output_mean == pytest.approx(float(output.mean()), rel=1e-6, abs=1e-7)
    assert result.output_std == pytest.approx(float(output.std(correction=0)), rel=1e-6)
    assert module.training is (settings.mode == "train")


@pytest.mark.parametrize(
    ("changes", "order"),
    [
        ({}, "layer normalizer activation dropout"),
        ({"position": "after"}, "layer activation normalizer dropout"),
        ({"position": "none"}, "layer activation dropout"),
        ({"normalizer": "none"}, "layer activation dropout"),
        ({"activation": "identity"}, "layer normalizer dropout"),
        ({"dropout": 0.0}, "layer normalizer activation"),
        ({"dropout_place": "input"}, "dropout layer normalizer activation"),
        ({"dropout_place": "before_norm"}, "layer dropout normalizer activation"),
        ({"dropout_place": "before_norm", "position": "after"}, "layer activation dropout normalizer"),
        ({"dropout_place": "before_norm", "normalizer": "none"}, "layer activation dropout"),
    ],
)
def test_the_modules_stand_in_the_order_that_was_asked_for(changes: dict[str, Any], order: str) -> None:
    stages = stages_of(Settings(**{"dropout": 0.5, **changes}))
    assert " ".join(stage.role for stage in stages) == order


def test_every_option_of_batch_norm_reaches_the_module() -> None:
    settings = Settings(out_channels=24, eps=0.02, momentum=0.3, affine=False, normalizer="batch", layer="conv1d")
    norm = build(stages_of(settings), torch.Generator())[0][1]
    assert isinstance(norm, nn.BatchNorm1d)
    assert (norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats) == (
        24,
        0.02,
        0.3,
        False,
        True,
    )
    plain = build(stages_of(Settings(momentum="cumulative")), torch.Generator())[0][1]
    assert isinstance(plain, nn.BatchNorm2d)
    assert plain.momentum is None
    untracked = build(stages_of(Settings(track_running_stats=False)), torch.Generator())[0][1]
    assert isinstance(untracked, nn.BatchNorm2d)
    assert untracked.running_mean is None


def test_the_weights_are_the_constructors_and_the_shared_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    settings = Settings(dropout=0.5, dropout_place="input", bias="true")
    made, _ = build(stages_of(settings), torch.Generator().manual_seed(settings.seed))
    run(settings)
    assert torch.equal(before, torch.get_rng_state())
    known, _ = executed(settings)
    for name, value in known.state_dict().items():
        if name.split(".")[0] == "1":
            assert torch.equal(value, made.state_dict()[name])


@pytest.mark.parametrize("changes", GRID[::3], ids=lambda changes: "-".join(map(str, changes.values())))
def test_everything_agrees_with_the_arithmetic(changes: dict[str, Any]) -> None:
    result = run(Settings(**{**SMALL, **changes}))
    assert all(row.explained for row in comparisons(result)), comparisons(result)
    assert result.expected == tuple(entry.count for entry in result.tensors)


def test_a_wrong_count_would_be_seen() -> None:
    result = run(Settings())
    rows = comparisons(result)
    assert len(rows) == 4
    row = rows[0]
    assert not type(row)(row.quantity, row.measured + 1, row.predicted).explained


@pytest.mark.parametrize(
    ("changes", "bias"),
    [
        ({}, False),
        ({"normalizer": "instance"}, False),
        ({"normalizer": "layer"}, True),
        ({"normalizer": "group"}, True),
        ({"normalizer": "none"}, True),
        ({"position": "none"}, True),
        ({"position": "after"}, True),
        ({"position": "after", "activation": "identity"}, False),
        ({"dropout": 0.2, "dropout_place": "before_norm"}, True),
        ({"dropout": 0.2, "dropout_place": "end"}, False),
        ({"bias": "true"}, True),
        ({"bias": "false", "normalizer": "none"}, False),
    ],
)
def test_a_bias_stands_where_it_acts(changes: dict[str, Any], bias: bool) -> None:
    settings = Settings(**changes)
    assert has_bias(settings) is bias
    assert any(entry.name.endswith("0.bias") for entry in run(settings).tensors) is bias


@pytest.mark.parametrize(
    ("changes", "acts"),
    [({}, False), ({"dropout": 0.2, "dropout_place": "before_norm"}, True), ({"normalizer": "group"}, True)],
)
def test_the_bias_in_front_acts_exactly_where_auto_keeps_it(changes: dict[str, Any], acts: bool) -> None:
    """Moving the bias of the real module changes its output where `auto` keeps one, and nowhere else."""
    settings = Settings(**{**SMALL, **changes, "bias": "true"})
    outputs = []
    for shift in (0.0, 3.0):
        module, _ = build(stages_of(settings), torch.Generator().manual_seed(0))
        layer = next(part for part in module if isinstance(part, nn.Conv2d))
        assert layer.bias is not None
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(1)
            layer.bias.add_(shift * torch.arange(8.0))
            outputs.append(module(torch.randn(settings.input_shape)))
    assert torch.allclose(outputs[0], outputs[1], atol=1e-4) is not acts
    assert has_bias(Settings(**{**SMALL, **changes})) is acts


# One setting where each rule speaks, and the cure that its own words give.
SPEAKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "kernel": ({"kernel_size": 9, "padding": 0}, {"padding": 2}),
    "groups": ({"normalizer": "group", "groups": 3}, {"groups": 2}),
    "instance_on_rows": ({"layer": "linear", "normalizer": "instance"}, {"normalizer": "layer"}),
    "instance_of_one": ({"normalizer": "instance", "kernel_size": 5, "padding": 0, "input_width": 5}, {"padding": 1}),
    "batch_of_one": ({"layer": "linear", "batch_size": 1}, {"batch_size": 2}),
    "group_of_one": ({"layer": "linear", "normalizer": "group", "groups": 8}, {"groups": 4}),
    "few_values": ({"layer": "linear"}, {"batch_size": 16}),
    "bias": ({"bias": "true"}, {"bias": "auto"}),
    "no_shift": ({"affine": False}, {"affine": True}),
    "dropout": ({"dropout": 0.5, "dropout_place": "before_norm"}, {"dropout_place": "end"}),
    "untracked": ({"mode": "eval", "track_running_stats": False}, {"track_running_stats": True}),
    "last_batch_only": ({"momentum": 1.0}, {"momentum": 0.1}),
    "keras_momentum": ({"momentum": 0.99}, {"momentum": 0.01}),
    "slow_momentum": ({"momentum": 0.001, "training_steps": 100}, {"momentum": "cumulative"}),
    "eps": ({"input_std": 0.001}, {"eps": 1e-12}),
    "fresh": ({"mode": "eval"}, {"mode": "train"}),
}


def said(changes: dict[str, Any]) -> list[str]:
    return [entry.name for entry in run(Settings(**{**SMALL, **changes})).advice]


def test_every_rule_is_tried() -> None:
    assert [rule.name for rule in RULES] == list(SPEAKS)


@pytest.mark.parametrize("name", SPEAKS)
def test_a_rule_speaks_and_its_own_cure_silences_it(name: str) -> None:
    trouble, cure = ({"input_std": 1.0} | part for part in SPEAKS[name])
    if "input_std" in SPEAKS[name][0]:
        cure["input_std"] = SPEAKS[name][0]["input_std"]
    assert name in said(trouble)
    assert name not in said({**trouble, **cure})


def test_a_sound_block_is_left_in_peace() -> None:
    assert said({}) == []
    assert said({"normalizer": "none"}) == []
    assert said({"normalizer": "layer", "layer": "linear", "momentum": 1.0, "mode": "eval"}) == []


@pytest.mark.parametrize("changes", GRID, ids=lambda changes: "-".join(map(str, changes.values())))
@pytest.mark.parametrize("batch_size", [1, 6])
def test_what_pytorch_refuses_is_explained_and_nothing_else_is_called_refused(
    changes: dict[str, Any], batch_size: int
) -> None:
    result = run(Settings(**{**SMALL, "input_height": 1, "input_width": 4, **changes, "batch_size": batch_size}))
    refused = [entry.name for entry in result.advice if entry.gravity == "refused"]
    assert bool(refused) == bool(result.refusal), result.refusal
    assert (result.refused >= 0) == bool(result.refusal)


@pytest.mark.parametrize("normalizer", ["layer", "group"])
def test_the_remark_on_eps_takes_the_variance_that_this_normalizer_divides_by(normalizer: str) -> None:
    """A single sample has none across the batch, but has across its own values: ε = 1e-5 takes nothing away there."""
    changes: dict[str, Any] = {
        "layer": "linear", "in_channels": 64, "out_channels": 16, "batch_size": 1, "normalizer": normalizer, "groups": 1,
        "activation": "identity",
    }  # fmt: skip
    assert "eps" not in [entry.name for entry in run(Settings(**changes)).advice]
    result = run(Settings(**changes, eps=0.5))
    (told,) = [entry for entry in result.advice if entry.name == "eps"]
    assert str(told.what) == f"ε takes {100 * (1 - result.output_std**2):.3g} % of the variance away"


def test_words_fit_the_numbers() -> None:
    told = advice(Settings(momentum=0.001, training_steps=1000), Seen(1000, 1.0))
    assert str(told[0].what) == "After 1000 batches, 36.8 % of the estimates are still the initial 0 and 1"
    eps = run(Settings(**{**SMALL, "eps": 1.0}))
    lost = next(entry for entry in eps.advice if entry.name == "eps")
    kept = float((eps.after_var / eps.before_var * (eps.before_var + 1)).mean())
    assert kept == pytest.approx(1, rel=1e-4)
    share = 100 / (1 + float(eps.before_var.mean()))
    assert str(lost.what) == f"ε takes {share:.3g} % of the variance away"


def moved(one: Result, other: Result) -> bool:
    """Whether anything that the page shows differs."""
    return repr((one.shapes, one.tensors, one.advice, one.output_mean, one.stages, one.refusal)) != repr(
        (other.shapes, other.tensors, other.advice, other.output_mean, other.stages, other.refusal)
    )


@pytest.mark.parametrize(
    ("name", "value", "base"),
    [
        ("layer", "conv1d", {}), ("in_channels", 4, {}), ("out_channels", 12, {}), ("batch_size", 5, {}),
        ("input_height", 6, {}), ("input_width", 8, {}), ("kernel_size", 2, {}), ("stride", 2, {}), ("padding", 0, {}),
        ("bias", "true", {}), ("normalizer", "layer", {}), ("groups", 2, {"normalizer": "group"}),
        ("position", "after", {}), ("eps", 0.5, {}), ("momentum", 0.95, {}), ("affine", False, {}),
        ("track_running_stats", False, {}), ("activation", "silu", {}), ("dropout", 0.5, {}),
        ("dropout_place", "input", {"dropout": 0.5}), ("mode", "eval", {}), ("training_steps", 3, {}),
        ("input_std", 0.001, {}), ("seed", 3, {}),
    ],
)  # fmt: skip
def test_every_setting_changes_what_is_shown(name: str, value: Any, base: dict[str, Any]) -> None:
    settings = Settings(**{**SMALL, **base})
    assert moved(run(settings), run(settings.replace(**{name: value})))


def test_the_same_settings_give_the_same_numbers() -> None:
    settings = Settings(dropout=0.5)
    assert not moved(run(settings), run(settings))


def test_too_much_work_is_refused_before_it_starts() -> None:
    with pytest.raises(CostError) as caught:
        run(Settings(in_channels=1024, out_channels=1024, batch_size=1024, input_height=128, input_width=128))
    assert "batch_size" in caught.value.reduce


def test_eval_of_a_fresh_block_normalizes_nothing() -> None:
    result = run(Settings(mode="eval", input_std=5.0))
    assert np.allclose(result.after_mean, result.before_mean, rtol=1e-4)
    assert np.allclose(result.after_var, result.before_var / (1 + 1e-5), rtol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"layer": "linear", "batch_size": 4096, "in_channels": 256, "out_channels": 512},
        {"layer": "linear", "in_channels": 2048, "out_channels": 1024},
        {"input_height": 224, "input_width": 224, "batch_size": 8, "out_channels": 16},
    ],
    ids=str,
)
def test_everyday_sizes_are_taken(changes: dict[str, Any]) -> None:
    assert not run(Settings(**changes)).refusal
