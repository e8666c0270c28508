"""Tested in train mode: every answer depends on the rest of the test batch."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import MEAN, STD, after_batches, gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Standard deviation of one sample's output over 200 test batches of 8 that it is put into: train mode, eval mode."""

    def scatter(*, train: bool) -> float:
        batch = gaussian_batches(8, 1)
        norm = after_batches(nn.BatchNorm1d(1), batch, 200).train(train)
        sample = torch.tensor([[MEAN + STD]])
        return float(torch.cat([norm(torch.cat([sample, batch()[1:]]))[0] for _ in range(200)]).std())

    return Measured(scatter(train=True), scatter(train=False))


CASE = Case(
    name="test_time_batches",
    family="modes",
    symptom=N_("The prediction for one sample changes with the test batch it is in"),
    words=N_(
        "results depend on batch size, output changes with batch size, inconsistent predict, different every time, "
        "different when loaded again, not reproducible, forgot model.eval, tested in train mode, shuffle test set, "
        "batch size at test time, batch size of the test set, embeddings differ, inference one image alone, single "
        "image, is_training=True, is_training parameter, training flag, phase_train, training mode at test, "
        "generator samples differ, track_running_stats=False, accuracy depends on the test set's "
        "order"
    ),
    threads=(github("facebookarchive/C3D", 277), github("keras-team/keras", 12400)),
    links=(
        wrong("layer", mode="train", warmup="100", batch_size="8"),
        right("layer", mode="eval", warmup="100", batch_size="8"),
        wrong("noise", topic="mates", batch_size="8"),
    ),
    look=N_(
        "standard deviation of one sample's output over 200 test batches of 8 that contain it: train mode and eval mode"
    ),
    cause=N_(
        "The model is tested in train mode, or keeps no running statistics: each sample is normalized with the mean"
        " and variance of the samples that happen to be in its batch."
    ),
    cure=N_(
        "Call model.eval() before testing, and keep track_running_stats=True (in TensorFlow and Keras: training=False)."
    ),
    reproduce=reproduce,
    common=True,
)
