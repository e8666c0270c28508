"""Growth of the gradient along rows of norm layers: the rows are read off the graph, and fresh networks grow as theory says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from bnviz.core.datasets import digits
from bnviz.i18n import LANGUAGES, Language, translator
from bnviz.inspect import watch
from bnviz.inspect.chains import ACTIVATIONS, Chain, Chains
from bnviz.inspect.example import PATH
from bnviz.inspect.figures import gradient_growth
from bnviz.inspect.frames import MAGIC, RecordingError, packed, whole_frames
from bnviz.inspect.graph import chains_of
from bnviz.inspect.growth import ABSENCES, Absence, Growth, Row, growth_of, row_of
from bnviz.inspect.layers import norm_modules
from bnviz.inspect.overview import MAX_ROWS
from bnviz.inspect.recording import Recording, read
from bnviz.inspect.trace import tensors
from bnviz.theory.activations import ActivationName
from bnviz.theory.growth import growth_batch_norm
from tests.inspect.models import FEATURES, batches, trained

WIDTH, DEPTH, BATCH, NETWORKS = 128, 8, 256, 6
# What theory leaves out of the norm per layer: about 1/batch, more than 1/width, and 4 % at the first layer, because images have fewer
# directions than there are units. Here it is 1.4 % (ReLU) and 2.4 % (tanh); ReLU and tanh are 11 % apart.
TOLERANCE = 0.03


def row(*between: nn.Module, layers: int = 3, width: int = 8) -> nn.Sequential:
    """Linear and batch norm `layers` times, `between` (ReLU by default) and then a linear layer behind each."""
    torch.manual_seed(0)
    parts: list[nn.Module] = [nn.Linear(FEATURES, width), nn.BatchNorm1d(width)]
    for _ in range(layers - 1):
        parts += [*(between or (nn.ReLU(),)), nn.Linear(width, width), nn.BatchNorm1d(width)]
    return nn.Sequential(*parts, nn.ReLU(), nn.Linear(width, 2))


def found(model: nn.Module) -> Chains | None:
    return chains_of(tensors(model(next(batches(1))[0])), norm_modules(model))


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        (nn.ReLU(), "relu"),
        (nn.ReLU(inplace=True), "relu"),
        (nn.LeakyReLU(), "leaky_relu"),
        (nn.LeakyReLU(inplace=True), "leaky_relu"),
        (nn.ELU(), "elu"),
        (nn.ELU(inplace=True), "elu"),
        (nn.GELU(), "gelu"),
        (nn.SiLU(), "silu"),
        (nn.SiLU(inplace=True), "silu"),
        (nn.Sigmoid(), "sigmoid"),
        (nn.Tanh(), "tanh"),
    ],
    ids=str,
)
def test_activations_of_the_theory_are_known(activation: nn.Module, name: ActivationName) -> None:
    assert found(row(activation)) == Chains((Chain((0, 1, 2), (name, name)),), {})


def test_every_known_activation_is_one_of_the_theory() -> None:
    assert set(ACTIVATIONS.values()) == set(get_args(ActivationName)) - {"identity"}


class Functional(nn.Module):
    """A row written by hand, with names of its own; `skip`: its second layer beside a short cut."""

    def __init__(self, *, skip: bool = False) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(FEATURES, 8), nn.Linear(8, 8, bias=False), nn.Linear(8, 2)
        self.norms = nn.ModuleList(nn.BatchNorm1d(8) for _ in range(2))
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.norms[0](self.first(x)))
        branch = torch.tanh(self.norms[1](self.middle(x)))
        return self.last(x + branch if self.skip else branch)  # type: ignore[no-any-return]


class Convolutions(nn.Sequential):
    def __init__(self, between: nn.Module) -> None:
        super().__init__(
            nn.Unflatten(1, (1, 2, 3)),
            nn.Conv2d(1, 4, 1),
            nn.BatchNorm2d(4),
            between,
            nn.Conv2d(4, 4, 1),
            nn.BatchNorm2d(4),
        )


class Twice(nn.Module):
    """One row that is called two times in a pass."""

    def __init__(self) -> None:
        super().__init__()
        self.row = row()

    def forward(self, x: Tensor) -> Tensor:
        return self.row(x) + self.row(-x)


class Both(nn.Module):
    """Hands out what comes behind its first norm layer, too."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.rest = row()[:2], row()[2:]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.first(x)
        return x, self.rest(x)


@pytest.mark.parametrize(
    ("model", "broken"),
    [
        (lambda: row(nn.LeakyReLU(0.2)), {"other": 2}),
        (lambda: row(nn.SELU()), {"other": 2}),
        (lambda: row(nn.Hardtanh()), {"other": 2}),
        (lambda: row(nn.ReLU(), nn.Dropout(0.5)), {"other": 2}),
        (lambda: row(nn.Identity()), {"other": 2}),
        (lambda: Functional(skip=True), {"branch": 2}),
        (lambda: Convolutions(nn.ReLU()), {"convolution": 1}),
        (lambda: Convolutions(nn.MaxPool2d(1)), {"convolution": 1}),
        (Twice, {"branch": 3}),
    ],
    ids=["slope", "SELU", "Hardtanh", "Dropout", "nothing between", "skip", "convolution", "pooling", "twice"],
)
def test_where_theory_does_not_apply_there_is_no_row(model: Callable[[], nn.Module], broken: dict[Any, int]) -> None:
    assert found(model()) == Chains((), broken)


def test_layers_may_be_called_by_hand_and_under_autocast() -> None:
    assert found(Functional()) == Chains((Chain((0, 1), ("tanh",)),), {})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert found(row()) == Chains((Chain((0, 1, 2), ("relu", "relu")),), {})


def test_what_is_handed_out_besides_ends_a_row() -> None:
    assert found(Both()) == Chains((Chain((1, 2), ("relu",)),), {"branch": 1})


def test_a_checkpoint_is_not_made_again() -> None:
    calls = 0
    model = row()

    def counted(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return model(x)  # type: ignore[no-any-return]

    output = checkpoint(counted, next(batches(1))[0], use_reentrant=False)
    assert chains_of([output], norm_modules(model)) == Chains((Chain((0, 1, 2), ("relu", "relu")),), {})
    assert calls == 1


def test_a_graph_that_is_too_large_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnviz.inspect.graph.MAX_NODES", 10)
    assert found(row()) == Chains((), {})


def test_without_a_graph_nothing_is_said() -> None:
    model = row()
    with torch.no_grad():
        assert found(model) is None


def deep(activation: nn.Module) -> nn.Sequential:
    """A perceptron for digits, with other sizes at its ends than in the middle."""
    parts: list[nn.Module] = []
    sizes = [64, *[WIDTH] * (DEPTH - 1), 2 * WIDTH]
    for inputs, outputs in pairwise(sizes):
        parts += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), activation]
    return nn.Sequential(*parts, nn.Linear(2 * WIDTH, 10))


def recorded(model: nn.Module, path: Path, steps: int = 1, seed: int = 0) -> Recording:
    """`model` watched on digits from the first step."""
    generator = torch.Generator().manual_seed(seed)
    images, labels = digits()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    with watch(model, path, optimizer=optimizer, budget=1e9):
        for _ in range(steps):
            index = torch.randperm(len(images), generator=generator)[:BATCH]
            optimizer.zero_grad()
            functional.cross_entropy(model(images[index].flatten(1)), labels[index]).backward()
            optimizer.step()
    return read(path)


def test_a_pass_in_eval_mode_does_not_hide_dropout(tmp_path: Path) -> None:
    model = row(nn.ReLU(), nn.Dropout(0.5))
    with watch(model, tmp_path / "run.bnviz", budget=1e9):
        model.eval()
        assert model(next(batches(1))[0]).requires_grad
        trained(model.train(), 2)
    assert read(tmp_path / "run.bnviz").chains == Chains((), {"other": 2})


def shown(recording: Recording, layer: str = "", step: int = 0) -> Growth:
    seen = row_of(recording, layer, step)
    assert isinstance(seen, Row), seen
    return growth_of(recording, seen)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    torch.manual_seed(0)
    return recorded(deep(nn.ReLU()), tmp_path_factory.mktemp("run") / "run.bnviz", steps=12)


@pytest.mark.parametrize(("activation", "name"), [(nn.ReLU(), "relu"), (nn.Tanh(), "tanh")], ids=["ReLU", "tanh"])
def test_a_fresh_network_grows_as_theory_says(activation: nn.Module, name: ActivationName, tmp_path: Path) -> None:
    """At the first look, averaged over independent networks, so that chance is far below what theory leaves out."""
    grown = []
    for seed in range(NETWORKS):
        torch.manual_seed(seed)
        growth = shown(recorded(deep(activation), tmp_path / f"{seed}.bnviz", seed=seed))
        assert (growth.step, growth.samples, len(growth.layers)) == (1, BATCH, DEPTH)
        # Unequal widths: the root of their ratio, shared out among the layers.
        widths = 2 ** (1 / (2 * (DEPTH - 1)))
        assert growth.growth_theory == pytest.approx(growth_batch_norm(name) * widths, rel=2e-3)
        np.testing.assert_allclose(growth.theory[-1], growth.rms[-1])
        assert growth.theory[0] / growth.theory[-1] == pytest.approx(growth.growth_theory ** (DEPTH - 1))
        assert growth.rms[0] / growth.rms[-1] == pytest.approx(growth.growth ** (DEPTH - 1))
        grown.append(math.log(growth.growth / growth.growth_theory))
    error = np.std(grown, ddof=1) / math.sqrt(NETWORKS)
    assert error < TOLERANCE / 3
    assert abs(np.mean(grown)) < TOLERANCE


def test_the_gradient_is_that_of_the_snapshot_and_theory_that_of_its_parameters(recording: Recording) -> None:
    for step in (1, int(recording.step[-1])):
        growth = shown(recording, step=step)
        assert growth.step == step
        column = recording.step.tolist().index(step)
        np.testing.assert_array_equal(growth.rms, recording.quantities["gradient"][:, column])
    look = recording.looks[-1]
    wide = tuple(replace(layer, gamma=2 * layer.gamma) for layer in look.layers if layer.gamma is not None)
    other = shown(replace(recording, looks=(*recording.looks[:-1], replace(look, layers=wide))), step=look.step)
    # ReLU is homogeneous: where β is 0, γ cancels between a layer's slope and the next one's input.
    assert other.growth_theory == pytest.approx(growth.growth_theory, rel=0.01)
    bent = tuple(replace(layer, beta=layer.beta + 1) for layer in look.layers if layer.beta is not None)
    other = shown(replace(recording, looks=(*recording.looks[:-1], replace(look, layers=bent))), step=look.step)
    assert other.growth_theory == pytest.approx(growth_batch_norm("relu", beta=1.0) * 2 ** (1 / 14), rel=0.02)
    assert other.growth_theory != pytest.approx(growth.growth_theory, rel=0.02)


def test_the_row_of_the_chosen_layer_comes_first(recording: Recording) -> None:
    two = Chains((Chain((0, 1), ("relu",)), Chain((2, 3, 4), ("relu", "relu"))), {})
    split = replace(recording, chains=two)
    names = [norm.name for norm in recording.norms]
    assert shown(split).layers == tuple(names[2:5])
    assert shown(split, names[1]).layers == tuple(names[:2])
    assert shown(split, names[7]).layers == tuple(names[2:5])


def test_of_a_very_long_row_a_picture_shows_what_it_can_hold(recording: Recording) -> None:
    count = 1000
    places = np.arange(count) % 7
    norms = tuple(replace(recording.norms[place], name=f"layer{number}") for number, place in enumerate(places))
    looks = tuple(replace(look, layers=tuple(look.layers[place] for place in places)) for look in recording.looks)
    gradient = {"gradient": recording.quantities["gradient"][places]}
    chains = Chains((Chain(tuple(range(count)), ("relu",) * (count - 1)),), {})
    long = replace(recording, norms=norms, looks=looks, quantities={**recording.quantities, **gradient}, chains=chains)
    growth = shown(long)
    assert len(growth.layers) == MAX_ROWS
    assert (growth.layers[0], growth.layers[-1]) == ("layer0", "layer999")
    assert growth.growth_theory == pytest.approx(shown(recording).growth_theory, rel=0.06)


def test_a_layer_that_hands_on_a_constant_has_no_theory(recording: Recording) -> None:
    look = recording.looks[0]
    first = look.layers[0]
    assert first.gamma is not None
    still = replace(look, layers=(replace(first, gamma=0 * first.gamma), *look.layers[1:]))
    growth = shown(replace(recording, looks=(still,)))
    assert np.isnan(growth.theory).all()
    assert math.isfinite(growth.growth)
    assert "×–" in gradient_growth(growth, "").alt


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_says_both(language: Language, recording: Recording) -> None:
    growth = shown(recording)
    chart = gradient_growth(growth, growth.layers[2], language)
    theory, measured = chart.data
    np.testing.assert_array_equal(measured["x"], growth.rms)
    np.testing.assert_array_equal(theory["x"], growth.theory)
    assert theory["line"]["dash"] == "dash"
    assert chart.layout["yaxis"]["range"][0] > chart.layout["yaxis"]["range"][1]  # the first layer on top
    assert any("▸" in text for text in chart.layout["yaxis"]["ticktext"])
    assert f"×{growth.growth:.3g}" in chart.alt
    assert f"×{growth.growth_theory:.3g}" in chart.alt
    assert len(chart.phone_layout["xaxis"]["tickvals"]) <= 4
    assert len(measured["text"]) == DEPTH


def test_where_there_is_no_picture_a_sentence_says_why(recording: Recording) -> None:
    def broken(numbers: dict[Any, int]) -> Recording:
        return replace(recording, chains=Chains((), numbers))

    look = recording.looks[0]
    pixels = tuple(replace(layer, call=layer.call and replace(layer.call, per_sample=4)) for layer in look.layers)
    nowhere = np.full(recording.quantities["gradient"].shape, np.nan)
    expected: list[tuple[Absence, Recording]] = [
        ("compiled", replace(recording, compiled=True)),
        ("few", replace(recording, norms=recording.norms[:1])),
        ("few", replace(recording, norms=tuple(replace(norm, kind="layer") for norm in recording.norms))),
        ("unknown", replace(recording, chains=None)),
        ("convolution", read(PATH)),
        ("branch", broken({"branch": 3, "convolution": 2})),
        ("other", broken({"other": 1})),
        ("other", broken({})),
        ("unseen", replace(recording, quantities={**recording.quantities, "gradient": nowhere})),
        ("unseen", replace(recording, looks=(replace(look, layers=pixels),))),
    ]
    for reason, changed in expected:
        assert row_of(changed, "", 1) == reason
    assert {reason for reason, _ in expected} == set(ABSENCES)
    for sentence in ABSENCES.values():
        assert translator("zh")(sentence) != sentence


def test_older_recordings_are_read(tmp_path: Path) -> None:
    """Without the frame, as an older bnviz writes; with one of a kind that is still to come, as a later one does."""
    path = tmp_path / "run.bnviz"
    recorded(deep(nn.ReLU()), path)
    data = path.read_bytes()
    parts = [data[begin - 8 : end] for begin, end in whole_frames(data)]
    kept = [part for part in parts if b'"kind":"chains"' not in part]
    assert len(kept) == len(parts) - 1
    assert read(MAGIC + b"".join(kept)).chains is None
    assert read(MAGIC + b"".join([*parts, packed("later", {"a": 1}, {})])).chains is not None


LAYER = {
    "name": "a",
    "kind": "batch",
    "type": "BatchNorm1d",
    "channels": 1,
    "eps": 1e-5,
    "momentum": 0.1,
    "training": True,
    "tracks": True,
    "trainable": [],
    "updates": 0,
    "groups": 1,
    "dimensions": 1,
    "dtype": "float32",
}


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"chains": [], "broken": []},
        {"chains": 3, "broken": {}},
        {"chains": [], "broken": {"others": 1}},
        {"chains": [], "broken": {"other": -1}},
        {"chains": [], "broken": {"other": True}},
        {"chains": [], "broken": {"other": 10**400}},
        {"chains": [3], "broken": {}},
        {"chains": [{}], "broken": {}},
        {"chains": [{"layers": [0], "activations": []}], "broken": {}},
        {"chains": [{"layers": [0, 1], "activations": []}], "broken": {}},
        {"chains": [{"layers": [0, 1], "activations": ["identity"]}], "broken": {}},
        {"chains": [{"layers": [0, 1], "activations": [["relu"]]}], "broken": {}},
        {"chains": [{"layers": [0, 1], "activations": "r"}], "broken": {}},
        {"chains": [{"layers": "ab", "activations": ["relu"]}], "broken": {}},
        {"chains": [{"layers": [0, 3], "activations": ["relu"]}], "broken": {}},
        {"chains": [{"layers": [-1, 1], "activations": ["relu"]}], "broken": {}},
        {"chains": [{"layers": [0, 0], "activations": ["relu"]}], "broken": {}},
        {"chains": [{"layers": [0, True], "activations": ["relu"]}], "broken": {}},
        {"chains": [{"layers": [0, 1.0], "activations": ["relu"]}], "broken": {}},
        {"chains": [{"layers": [0, [1]], "activations": ["relu"]}], "broken": {}},
        {"chains": [{"layers": [0, 1], "activations": ["relu"]}] * 2, "broken": {}},
    ],
    ids=str,
)
def test_hostile_rows_get_one_sentence(head: dict[str, Any]) -> None:
    begin = MAGIC + packed("model", {"model": "M", "layers": [LAYER] * 3}, {})
    good = {"chains": [{"layers": [2, 0], "activations": ["tanh"]}], "broken": {"branch": 1}}
    assert read(begin + packed("chains", good, {})).chains == Chains((Chain((2, 0), ("tanh",)),), {"branch": 1})
    with pytest.raises(RecordingError, match="something that no bnviz writes"):
        read(begin + packed("chains", head, {}))
