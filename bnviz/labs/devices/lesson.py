"""The lesson `devices`: batch norm's statistics where a batch is split over devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, translator
from bnviz.labs.devices import figures
from bnviz.labs.devices.comparisons import comparisons
from bnviz.labs.devices.experiment import run
from bnviz.labs.devices.formula import formula
from bnviz.labs.devices.result import BUFFERS, Result
from bnviz.labs.devices.script import script
from bnviz.labs.devices.settings import Settings
from bnviz.plot.numbers import alike, short
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.paired import between
from bnviz.teaching.sources import DIGITS

NEAR: Final = 0.2  # of the border
LITTLE: Final = 0.1  # of an output's standard deviation: a smaller error is called none
ALIKE, AVERAGED_HELPS, ONLY_SYNC = range(3)


def applies(settings: Settings, name: str) -> bool:
    """Whether the control `name` changes anything now."""
    return name != "shift" or settings.shards == "shifted"


def headline(result: Result) -> dict[str, float]:
    """The chosen channel's variances and the errors in eval mode, by the names that the script prints."""
    c = result.settings.channel
    variances = {"within": result.within[c], "between": result.between[c], "total": result.total[c]}
    return {name: float(value) for name, value in variances.items()} | {
        f"eval_error_{name}": result.eval_error[name] for name in BUFFERS
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per device and channel: last batch, and the running statistics at the end."""
    s = result.settings
    shape = (s.devices, s.channels)
    columns: dict[str, NDArray[Any]] = {
        "rank": np.arange(s.devices)[:, None],
        "channel": np.arange(s.channels),
        "device_mean": result.device_mean,
        "device_var": result.device_var,
        "within": result.within,
        "between": result.between,
        "total": result.total,
        "running_mean": result.running_mean[-1],
        "running_var": result.running_var[-1],
        "sync_mean": result.sync_mean[-1],
        "sync_var": result.sync_var[-1],
        "true_mean": result.true_mean,
        "true_var": result.true_var,
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def outcome(result: Result) -> int | None:
    """The option that the errors in eval mode make right; None where one is so near the border that another seed may be beyond it."""
    rank0, averaged = (between(result.eval_error[name], (LITTLE,), NEAR * LITTLE) for name in ("rank0", "averaged"))
    if not rank0:
        return None if rank0 is None else ALIKE
    return None if averaged is None else ONLY_SYNC if averaged else AVERAGED_HELPS


def finding(result: Result, language: Language = "en") -> str:
    """How far each kind of buffers is off in eval mode, and how much lies between the devices, for the run that is shown."""
    _ = translator(language)
    c = result.settings.channel
    share = float(result.between[c] / result.total[c]) if result.total[c] > 0 else 0.0
    return _(
        "{share} of the variance lies between the devices (channel {channel}). Error in eval mode, in standard "
        "deviations: {rank0} with rank 0's buffers, {averaged} with averaged ones, {synchronized} with synchronized "
        "ones."
    ).format(
        share=f"{short(100 * share)}\N{NO-BREAK SPACE}%",
        channel=c,
        **dict(zip(result.eval_error, alike(*result.eval_error.values()), strict=True)),
    )


def _cameras_lie_apart(result: Result) -> bool:
    """Whether nine tenths of the variance lie between the devices, and averaged buffers have too small a variance."""
    averaged = result.running_var[-1].mean(axis=0) / result.true_var
    return 0.85 < float(result.between.mean() / result.total.mean()) < 0.95 and float(averaged.max()) < 0.3


TOPIC: Final = InstantTopic(
    lab="devices",
    name="devices",
    folder=Path(__file__).parent,
    title=N_("Several devices"),
    question=N_("Does each GPU have its own mean?"),
    answer=N_(
        "Yes: each device normalizes with its own part of the batch, and what is saved is rank 0's. With shuffled "
        "data that costs little; where devices get different data it costs a lot, and SyncBatchNorm repairs it."
    ),
    settings=Settings,
    run=run,
    controls=("shards", "devices", "per_device", "shift", "momentum", "steps"),
    more=("eps", "channels", "channel", "seed"),
    applies=applies,
    pictures=(figures.shares, figures.split, figures.buffers),
    theory=(figures.trajectories, figures.between_steps, figures.effective),
    comparisons=comparisons,
    finding=finding,
    holds=lambda result: result.eval_error["rank0"] > 0.5 and result.eval_error["synchronized"] < LITTLE,
    presets=(
        Preset(
            "shuffled",
            N_("Shuffled data"),
            N_("The devices differ by chance only. Rank 0's buffers are good enough: no difference that matters."),
            {"shards": "iid", "per_device": 32},
            holds=lambda result: max(result.eval_error.values()) < 0.1,
        ),
        Preset(
            "sorted_by_class",
            N_("Sorted by class"),
            N_(
                "A sampler that does not shuffle: rank 0 sees the smallest digits only, and its buffers are "
                "evaluated on all. Averaging the buffers repairs most of it."
            ),
            {"shards": "sorted"},
            holds=lambda result: result.eval_error["averaged"] < 0.5 * result.eval_error["rank0"],
        ),
        Preset(
            "another_camera_each",
            N_("One camera each"),
            N_(
                "Shifts of three standard deviations: nine tenths of the variance lies between the devices. Averaged "
                "buffers have the right mean and a far too small variance."
            ),
            {"shift": 3.0, "devices": 8},
            holds=_cameras_lie_apart,
        ),
        Preset(
            "two_samples_each",
            N_("Two samples each"),
            N_(
                "A batch of 32 on 16 devices: each normalizes with two samples, and only their order survives. Synchronized "
                "it is a batch of 32."
            ),
            {"shards": "iid", "devices": 16, "per_device": 2},
            holds=lambda result: result.local_difference > 0.7 and result.sync_difference < 1e-6,
        ),
        Preset(
            "one_device",
            N_("One device"),
            N_("Nothing lies between, and all three buffers are the same."),
            {"devices": 1, "per_device": 64},
            holds=lambda result: max(result.eval_error.values()) - min(result.eval_error.values()) < 1e-4,
        ),
    ),
    prediction=Prediction(
        question=N_(
            "After these steps the model is evaluated on data of all devices. Which running statistics give good outputs (error below "
            "a tenth of their standard deviation)?"
        ),
        options=(
            N_("all: rank 0's do as well"),
            N_("rank 0's do not, their average over the devices does"),
            N_("neither rank 0's nor the average"),
        ),
        correct=outcome,
        explanation=N_(
            "Rank 0's buffers know rank 0's data. Averaged, the means are right, but the variance lacks what lies between the devices. "
            "SyncBatchNorm adds it: total = within + between."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Mean and variance over all processes, by what they exchange"),
            "torch.nn.SyncBatchNorm",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html",
        ),
        Source(
            N_("Buffers of rank 0 are broadcast at every forward pass (broadcast_buffers)"),
            "torch.nn.parallel.DistributedDataParallel",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html",
        ),
        Source(
            N_("Broadcast or average the buffers before evaluation"),
            "huggingface/pytorch-image-models issue 110",
            "https://github.com/huggingface/pytorch-image-models/issues/110",
        ),
        Source(
            N_("Synchronous training and synchronized batch norm are two things"),
            "facebookresearch/moco issue 41",
            "https://github.com/facebookresearch/moco/issues/41",
        ),
        Source(
            N_("Variance of the whole from variances and means of its parts"),
            "Law of total variance",
            "https://en.wikipedia.org/wiki/Law_of_total_variance",
        ),
        DIGITS,
    ),
)
