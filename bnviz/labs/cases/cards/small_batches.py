"""Mean and variance of two values are mostly noise."""

from __future__ import annotations

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import STD, gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github, right, wrong


def reproduce() -> Measured:
    """Standard deviation of the batch variance over the true variance: batches of 2 and of 64."""

    def scatter(m: int) -> float:
        return float(gaussian_batches(m, 4000)().var(0).std()) / STD**2

    return Measured(scatter(2), scatter(64))


CASE = Case(
    name="small_batches",
    family="batch",
    symptom=N_("With batches of 2 the model trains badly"),
    words=N_(
        "small batch size, smaller batch size, tiny batch, batch size 2, batch size 4, little memory, low batch "
        "size, batch size too small, out of memory, detection, segmentation, 3D, medical, group normalization "
        "instead, replace batch norm with group norm, GN, noisy statistics, poor accuracy, batch renormalization, "
        "unstable training"
    ),
    threads=(github("facebookresearch/fvcore", 7), github("google/automl", 881)),
    links=(
        wrong("layer", batch_size="2", source="gaussian", activation="identity"),
        right("layer", batch_size="64", source="gaussian", activation="identity"),
        wrong("batch_size", topic="error"),
        wrong("batch_size", topic="statistics", batch_size="2"),
    ),
    look=N_("standard deviation of the batch variance over the true variance: batches of 2 and of 64"),
    cause=N_(
        "Mean and variance of two values are mostly noise. Training normalizes with that noise, eval mode does not."
    ),
    cure=N_(
        "A larger batch per device, group or layer norm, or synchronized batch norm. Gradient accumulation does not"
        " help: the statistics are still those of the small batch."
    ),
    reproduce=reproduce,
    common=True,
)
