"""The page `builder`: write a layer with its normalizer, activation and Dropout, and know what it does before using it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, translator
from bnviz.labs.builder import figures
from bnviz.labs.builder.comparisons import comparisons
from bnviz.labs.builder.experiment import run
from bnviz.labs.builder.formula import formula
from bnviz.labs.builder.other_frameworks import flax, keras
from bnviz.labs.builder.result import Result
from bnviz.labs.builder.script import block, script
from bnviz.labs.builder.settings import Settings
from bnviz.plot.listing import Listing
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source

ONLY_AFFINE, ALSO_RUNNING, ONLY_RUNNING, NOTHING = range(4)


def applies(settings: Settings, name: str) -> bool:
    """Whether the control `name` changes anything now."""
    convolves, normalizes = settings.layer != "linear", settings.normalizes
    by_estimates = normalizes and settings.normalizer in ("batch", "instance")
    rules = {
        "kernel_size": convolves,
        "stride": convolves,
        "padding": convolves,
        "input_width": convolves,
        "input_height": settings.layer == "conv2d",
        "groups": normalizes and settings.normalizer == "group",
        "position": settings.normalizer != "none",
        "eps": normalizes,
        "affine": normalizes,
        "momentum": settings.keeps_estimates,
        "training_steps": settings.keeps_estimates,
        "track_running_stats": by_estimates,
        "dropout_place": settings.dropout > 0,
    }
    return rules.get(name, True)


def code(result: Result, language: Language) -> Listing:
    """The block in every framework."""
    settings = result.settings
    listings = {"PyTorch": block(settings), "Keras 3": keras(settings), "Flax (NNX)": flax(settings)}
    return figures.code(result, listings, language)


def outcome(result: Result) -> int | None:
    """Which of the normalizer's tensors the optimizer moves: the index of the right option of the prediction.

    None where there is no normalizer to ask about: none was chosen, or PyTorch refused the block.
    """
    if result.refusal or result.normalizer < 0:
        return None
    mine = [entry for entry in result.tensors if entry.name.startswith(f"{result.normalizer}.")]
    trained = {entry.name.split(".")[1] for entry in mine if entry.trained}
    if not trained:
        return NOTHING
    running = {name for name in trained if name.startswith("running")}
    if not running:
        return ONLY_AFFINE
    return ONLY_RUNNING if running == trained else ALSO_RUNNING


def headline(result: Result) -> dict[str, float]:
    """The numbers that the script prints; none where PyTorch refuses, as the script then does."""
    if result.refusal:
        return {}
    return {
        "parameters": result.trained,
        "buffers": result.kept,
        "output_mean": result.output_mean,
        "output_std": result.output_std,
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """The block's `state_dict()`, one row per tensor."""
    entries = result.tensors
    return {
        "name": np.array([entry.name for entry in entries]),
        "shape": np.array([str(entry.shape) for entry in entries]),
        "dtype": np.array([entry.dtype for entry in entries]),
        "count": np.array([entry.count for entry in entries]),
        "trained": np.array([entry.trained for entry in entries]),
    }


def finding(result: Result, language: Language = "en") -> str:
    """What the block holds and the gravest thing to know about it."""
    _ = translator(language)
    held = (
        _("PyTorch refuses this block.")
        if result.refusal
        else _("The block has {trained} trained numbers and {kept} in buffers.").format(
            trained=result.trained, kept=result.kept
        )
    )
    if not result.advice:
        return held
    return _("{held} To know: {what}.").format(held=held, what=result.advice[0].what.text(language))


def _advises(result: Result, name: str) -> bool:
    """Whether the rule `name` speaks."""
    return name in {advice.name for advice in result.advice}


TOPIC: Final = InstantTopic(
    lab="builder",
    name="builder",
    folder=Path(__file__).parent,
    title=N_("Write my layer"),
    question=N_("How do I write my layer, and what should I know before I use it?"),
    answer=N_(
        "Choose, and read the code off: the numbers below come from the module that this code makes, and what is likely to "
        "go wrong is said before it does."
    ),
    settings=Settings,
    run=run,
    controls=("layer", "out_channels", "normalizer", "activation", "batch_size", "mode"),
    more=(
        "in_channels",
        "input_height",
        "input_width",
        "kernel_size",
        "stride",
        "padding",
        "bias",
        "position",
        "groups",
        "eps",
        "momentum",
        "training_steps",
        "affine",
        "track_running_stats",
        "dropout",
        "dropout_place",
        "input_std",
        "seed",
    ),
    applies=applies,
    pictures=(figures.trace, code, figures.tensors),
    theory=(figures.counts, figures.variances),
    comparisons=comparisons,
    finding=finding,
    holds=lambda result: outcome(result) == ONLY_AFFINE and all(row.explained for row in comparisons(result)),
    presets=(
        Preset(
            "linear_block",
            N_("Linear block"),
            N_("nn.BatchNorm1d follows nn.Linear. The layer has no bias: the normalizer would subtract it again."),
            {"layer": "linear", "in_channels": 64, "out_channels": 32},
            holds=lambda result: not result.refusal and "0.bias" not in {entry.name for entry in result.tensors},
        ),
        Preset(
            "a_useless_bias",
            N_("A useless bias"),
            N_("The layer's bias is there, saved and loaded, and does nothing: its gradient is 0."),
            {"layer": "linear", "in_channels": 64, "out_channels": 32, "bias": "true"},
            holds=lambda result: "0.bias" in {entry.name for entry in result.tensors} and _advises(result, "bias"),
        ),
        Preset(
            "batch_of_1",
            N_("Batch of 1"),
            N_("PyTorch refuses, in its own words. Take layer norm, and it passes."),
            {"layer": "linear", "in_channels": 64, "out_channels": 32, "batch_size": 1},
            holds=lambda result: "more than 1 value" in result.refusal,
        ),
        Preset(
            "from_keras",
            N_("From Keras"),
            N_(
                "Keras' 0.99 copied into PyTorch: the estimates are then almost the last batch alone. Keras' 0.99 is 0.01 here."
            ),
            {"momentum": 0.99, "eps": 1e-3},
            holds=lambda result: _advises(result, "keras_momentum"),
        ),
        Preset(
            "with_6_groups",
            N_("6 groups"),
            N_("16 channels cannot be dealt out to 6 groups. The remark says which numbers work."),
            {"normalizer": "group", "groups": 6},
            holds=lambda result: bool(result.refusal) and _advises(result, "groups"),
        ),
        Preset(
            "dropout_in_front",
            N_("Dropout first"),
            N_("Dropout stands before batch norm: the running variance is learned with it, and used without it."),
            {"dropout": 0.5, "dropout_place": "before_norm", "out_channels": 32},
            holds=lambda result: _advises(result, "dropout"),
        ),
    ),
    prediction=Prediction(
        question=N_("Which of the normalizer's tensors does the optimizer move?"),
        options=(
            N_("only γ and β (weight and bias)"),
            N_("γ, β, running_mean and running_var"),
            N_("only running_mean and running_var"),
            N_("none of them"),
        ),
        correct=outcome,
        explanation=N_(
            "γ and β are parameters. The running statistics are buffers: saved with the model, but moved by forward passes in "
            "training mode and never by a gradient. Freezing the parameters does not stop them."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("What PyTorch's batch norm takes and keeps"),
            "torch.nn.BatchNorm2d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
        ),
        Source(
            N_("The shape after a convolution"),
            "torch.nn.Conv2d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html",
        ),
        Source(
            N_("Keras: momentum is the weight of the old estimate (default 0.99), epsilon 1e-3, the last axis"),
            "keras.layers.BatchNormalization",
            "https://keras.io/api/layers/normalization_layers/batch_normalization/",
        ),
        Source(
            N_("Flax: momentum is the decay rate (default 0.99), epsilon 1e-5, the last axis"),
            "flax.nnx.BatchNorm",
            "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/normalization.html",
        ),
        Source(
            N_("A bias before batch norm is taken away again"),
            "Ioffe & Szegedy 2015, section 3.2",
            "https://arxiv.org/abs/1502.03167",
        ),
        Source(
            N_("Dropout before batch norm shifts the variance between train and eval"),
            "Li et al. 2018, arXiv:1801.05134",
            "https://arxiv.org/abs/1801.05134",
        ),
    ),
)
