"""EMA and SWA average the parameters; the running statistics belong to other weights, or to none."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, linear
from bnviz.labs.cases.case import Case, Measured, github, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Standard deviation of the averaged model's eval output: buffers left alone, and refilled by `update_bn`."""
    batch = gaussian_batches(64, 16)
    model = nn.Sequential(linear(16, 64), nn.BatchNorm1d(64))
    average = deepcopy(model)
    for _ in range(20):
        model(batch())
        for mean, parameter in zip(average.parameters(), model.parameters(), strict=True):
            mean.lerp_(parameter, 0.1)  # as many an EMA does; `AveragedModel` copies the buffers as well

    def spread() -> float:
        y: Tensor = average.eval()(batch())
        return float(y.var(0).mean().sqrt())

    before = spread()
    update_bn([batch() for _ in range(50)], average)
    return Measured(before, spread())


CASE = Case(
    name="averaged_weights",
    family="copies",
    symptom=N_("The averaged model (EMA, SWA) is far worse than the model itself"),
    words=N_(
        "EMA, exponential moving average of weights, ema_model, ModelEMA, mean teacher, teacher model, SWA, "
        "stochastic weight averaging, bn_update, update_bn, swa_utils, AveragedModel, buffers not averaged, buffer "
        "update, only parameters are updated, model averaging, model soup, checkpoint averaging, momentum encoder, "
        "BYOL target"
    ),
    threads=(
        github("CuriousAI/mean-teacher", 9),
        github("pytorch/ignite", 2590),
        github("mosaicml/composer", 624),
    ),
    links=(wrong("averages"),),
    look=N_(
        "standard deviation of the averaged model's output after batch norm, in eval mode: buffers left as they "
        "were, and refilled by update_bn"
    ),
    cause=N_(
        "parameters() does not contain the running statistics: the averaged copy keeps those it was created with. "
        "Averaged statistics do not fit averaged weights exactly either, since the variance is not linear in them."
    ),
    cure=N_(
        "torch.optim.swa_utils.update_bn(loader, model): some forward passes in train mode after averaging. Or copy"
        " the buffers from the model, which is close for EMA (today's AveragedModel does so)."
    ),
    reproduce=reproduce,
    common=True,
)
