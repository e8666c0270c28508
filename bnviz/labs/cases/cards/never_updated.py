"""The update of the running statistics is never run: they stay at 0 and 1."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Standard deviation after batch norm in eval mode after 100 batches: update left out, and run."""

    def spread(*, update: bool) -> float:
        batch, norm = gaussian_batches(64, 8), nn.BatchNorm1d(8)
        for _ in range(100):
            if update:
                norm(batch())
            else:
                nn.functional.batch_norm(
                    batch(), None, None, training=True
                )  # normalizes with the batch and remembers nothing
        return float(norm.eval()(batch()).std())

    return Measured(spread(update=False), spread(update=True))


CASE = Case(
    name="never_updated",
    family="statistics",
    symptom=N_("Moving mean and variance are never updated: after training they are still 0 and 1"),
    words=N_(
        "moving_mean, moving_variance, not updated, aren't updated, never run, update ops, UPDATE_OPS, "
        "updates_collections, control_dependencies, tf.layers.batch_normalization, slim, contrib, moving average, "
        "moving_mean=0, moving_variance=1, TensorFlow, unable to update, batch norm does nothing, not enabled, no "
        "effect"
    ),
    threads=(github("tensorflow/tensorflow", 11965), github("meetps/tf-3dgan", 7)),
    links=(
        wrong("layer", mode="eval", warmup="0", input_scale="20"),
        right("layer", mode="eval", warmup="100", input_scale="20"),
    ),
    look=N_("standard deviation after batch norm in eval mode after 100 batches: update left out, and update run"),
    cause=N_(
        "In TensorFlow 1 the update is an operation of its own that the training step must depend on; in a training "
        "loop of your own in TensorFlow 2, model(x) means model(x, training=False); functional code must hand in the "
        "buffers. Training does not need them, so nothing shows until evaluation."
    ),
    cure=N_(
        "TensorFlow 1: run tf.GraphKeys.UPDATE_OPS with the training step, or updates_collections=None. "
        "TensorFlow 2: model(x, training=True) in the loop. PyTorch: the module does it by itself in train mode; "
        "F.batch_norm needs running_mean and running_var."
    ),
    reproduce=reproduce,
    common=True,
)
