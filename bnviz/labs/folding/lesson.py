"""The lesson `folding`: batch norm as a part of the layer in front of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, translator
from bnviz.labs.folding import figures
from bnviz.labs.folding.comparisons import comparisons
from bnviz.labs.folding.experiment import run
from bnviz.labs.folding.formula import formula
from bnviz.labs.folding.mistakes import NAMES, predicted_by_channel, scales
from bnviz.labs.folding.result import (
    BIAS_FORGOTTEN,
    BIAS_UNSCALED,
    DTYPES,
    EPS_FORGOTTEN,
    INT8,
    TRAIN_MODE,
    WRONG_AXIS,
    Result,
)
from bnviz.labs.folding.script import script
from bnviz.labs.folding.settings import Settings
from bnviz.plot.numbers import short
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.sources import DIGITS

OPTION_OF: Final = {EPS_FORGOTTEN: 0, BIAS_FORGOTTEN: 1, BIAS_UNSCALED: 1, TRAIN_MODE: 2, WRONG_AXIS: 3}


def headline(result: Result) -> dict[str, float]:
    """Relative errors by dtype, with weights in int8, and by mistake, by the names that the script prints."""
    return {
        **{f"relative_error_{name}": result.relative_error[name] for name in DTYPES},
        **{f"int8_{name}": result.int8[name] for name in INT8},
        **result.wrong,
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per channel: what is folded, what comes out, and what each mistake does to the channel, measured and predicted."""
    columns: dict[str, NDArray[Any]] = {
        "channel": np.arange(result.settings.channels),
        "gamma": result.gamma,
        "beta": result.beta,
        "running_mean": result.running_mean,
        "running_var": result.running_var,
        "scale": scales(result),
        "bias_before": result.bias,
        "bias_after": result.bias_after,
        "largest_weight_before": result.largest_before,
        "largest_weight_after": result.largest_after,
        "output_rms": result.output_rms,
    }
    columns |= {f"int8_{name}": result.int8_by_channel[name] for name in INT8}
    columns |= {f"{name}_rms": values for name, values in result.wrong_by_channel.items()}
    return columns | {f"{name}_predicted": values for name, values in predicted_by_channel(result).items()}


def outcome(result: Result) -> int:
    """The option that names the mistake which costs most in this run."""
    return OPTION_OF[max(result.wrong, key=lambda name: result.wrong[name])]


def finding(result: Result, language: Language = "en") -> str:
    """What folding changes, done rightly and with the costliest mistake, for the run that is shown."""
    _ = translator(language)
    worst = max(result.wrong, key=lambda name: result.wrong[name])
    return _(
        "Folded by PyTorch, the outputs change by {right} of their size in float32; with the costliest mistake ({mistake}) by {wrong}."
    ).format(right=short(result.relative_error["float32"]), mistake=_(NAMES[worst]), wrong=short(result.wrong[worst]))


TOPIC: Final = InstantTopic(
    lab="folding",
    name="folding",
    folder=Path(__file__).parent,
    title=N_("Folding"),
    question=N_("Where did batch norm go in the export?"),
    answer=N_(
        "Into the weights: in eval mode it is one scale and one shift per channel, which the layer before it takes over. The outputs "
        "stay the same up to rounding; larger differences come from a folding done wrongly."
    ),
    settings=Settings,
    run=run,
    controls=("layer", "bias", "eps", "gamma_spread", "warmup", "batch_size"),
    more=("channels", "channel", "seed"),
    pictures=(figures.errors, figures.weights, figures.int8),
    theory=(figures.mistakes, figures.outputs),
    comparisons=comparisons,
    finding=finding,
    holds=lambda result: (
        result.relative_error["float32"] < 1e-6
        and max(result.wrong.values()) > 0.01
        and result.int8["per_tensor"] < 0.03
        and result.int8["per_channel"] < 0.01
    ),
    presets=(
        Preset(
            "eps_of_keras",
            N_("ε = 0.001"),
            N_(
                "Keras' default. Where a channel's variance is small, forgetting ε is no longer a detail: the error "
                "grows nearly a hundred times, and so does the closed form."
            ),
            {"eps": 1e-3},
            holds=lambda result: 0.02 < result.wrong["eps_forgotten"] < 0.3,
        ),
        Preset(
            "no_bias",
            N_("No bias"),
            N_(
                "As it should be before batch norm. The folded layer needs one all the same: β − sμ has to go somewhere. A new layer "
                "with bias=False loses it."
            ),
            {"bias": False},
            holds=lambda result: (
                result.wrong["bias_forgotten"] > 0.1 and abs(result.bias_after).max() > 0 and not result.bias.any()
            ),
        ),
        Preset(
            "transposed_convolution",
            N_("Transposed convolution"),
            N_(
                "Its weights are (in, out, k, k): scaling the first axis scales inputs. With as many inputs as outputs nothing complains, "
                "and the outputs are wrong by a good part of their size."
            ),
            {"layer": "conv_transpose"},
            holds=lambda result: result.wrong["wrong_axis"] > 0.2,
        ),
        Preset(
            "small_batch_baked_in",
            N_("Train mode"),
            N_(
                "A Linear layer and batches of 4: the statistics of one batch are baked in for good, far from the running ones."
            ),
            {"layer": "linear", "batch_size": 4},
            holds=lambda result: result.wrong["train_mode"] > 0.3,
        ),
        Preset(
            "int8_one_scale",
            N_("int8, γ of many sizes"),
            N_(
                "Folding puts γ into the weights. With one int8 scale for all, channels with a small γ keep a few steps only; a scale per "
                "channel takes γ out again."
            ),
            {"gamma_spread": 2.0, "seed": 1},
            holds=lambda result: (
                result.int8["per_tensor"] > 1.3 * result.int8["per_channel"]
                and float(result.int8_by_channel["per_tensor"].max()) > 0.05
                and float(result.int8_by_channel["per_channel"].max()) < 0.02
            ),
        ),
        Preset(
            "fresh_layer",
            N_("Fresh layer"),
            N_(
                "No batch seen: μ = 0 and v = 1 are folded, faithfully, and the outputs stay as they are. Train mode is far off, because "
                "it does normalize."
            ),
            {"warmup": 0},
            holds=lambda result: (
                result.wrong["train_mode"] > 0.5
                and max(abs(result.running_mean).max(), abs(result.running_var - 1).max()) == 0
            ),
        ),
    ),
    prediction=Prediction(
        question=N_("Somebody folds by hand and makes one mistake. Which one moves the outputs most?"),
        options=(
            N_("ε is forgotten"),
            N_("the bias is left as it was, or not scaled"),
            N_("the folding happens in train mode"),
            N_("the wrong axis of a transposed convolution is scaled"),
        ),
        correct=outcome,
        explanation=N_(
            "Nearly every mistake is another line per channel, so its size follows from s, μ, v and b. A wrong bias shifts all outputs "
            "of a channel alike; ε matters where it is not small beside v; train mode where the batch differs from the running statistics."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("The folding that PyTorch does, both modules in eval mode"),
            "torch.nn.utils.fuse_conv_bn_eval",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_eval.html",
        ),
        Source(
            N_("The same for a linear layer"),
            "torch.nn.utils.fuse_linear_bn_eval",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_linear_bn_eval.html",
        ),
        Source(
            N_("Folded with an unscaled bias, and the correction"),
            "ultralytics/yolov3 issue 807",
            "https://github.com/ultralytics/yolov3/issues/807",
        ),
        Source(
            N_("Folding into a transposed convolution along the wrong axis"),
            "ultralytics/ultralytics pull request 25364",
            "https://github.com/ultralytics/ultralytics/pull/25364",
        ),
        Source(
            N_("An export in train mode answers with other statistics"),
            "microsoft/onnxruntime issue 3873",
            "https://github.com/microsoft/onnxruntime/issues/3873",
        ),
        Source(
            N_("Folding before int8, and scales per channel"),
            "Krishnamoorthi 2018, arXiv:1806.08342",
            "https://arxiv.org/abs/1806.08342",
        ),
        DIGITS,
    ),
)
