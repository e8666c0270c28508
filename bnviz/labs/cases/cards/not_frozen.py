"""requires_grad=False freezes the parameters, not the running statistics."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import MEAN, STD, after_batches, gaussian_batches, running_mean
from bnviz.labs.cases.case import Case, Measured, github, wrong


@torch.no_grad()
def reproduce() -> Measured:
    """Change of the running mean over 50 batches of other data, over σ: parameters frozen, and also `eval()`."""

    def moved(*, also_eval: bool) -> float:
        norm = after_batches(nn.BatchNorm1d(8), gaussian_batches(64, 8), 100)
        norm.requires_grad_(False).train(not also_eval)
        before, other = running_mean(norm).clone(), gaussian_batches(64, 8, seed=1, mean=MEAN + STD)
        for _ in range(50):
            norm(other())
        return float((running_mean(norm) - before).abs().mean()) / STD

    return Measured(moved(also_eval=False), moved(also_eval=True))


CASE = Case(
    name="not_frozen",
    family="statistics",
    symptom=N_("I froze the layers, and the features change all the same"),
    words=N_(
        "freeze, frozen, freezing, freeze_bn, frozen batch norm, requires_grad, trainable=False, trainable flag "
        "does not work, prevent updates, fine-tuning, finetune, fine-tuned model, low accuracy after fine-tuning, "
        "new set of classes, transfer learning, pretrained ResNet50, InceptionV3, VGG16 works, backbone, "
        "FrozenBatchNorm2d, norm_eval=True, object detection, feature extractor, freeze running mean, use_global_stats, statistics "
        "still change, eval mode for batch norm while training, quantization-aware training"
    ),
    threads=(github("pytorch/pytorch", 86590), github("keras-team/keras", 9522)),
    links=(wrong("modes", topic="freeze_matrix"), wrong("modes", topic="freeze_matrix", frozen="norms")),
    look=N_(
        "how far the running mean moves in 50 batches of other data, over σ: only parameters frozen, and also eval()"
    ),
    cause=N_(
        "requires_grad=False stops the optimizer, but running statistics are not moved by the optimizer: every "
        "forward pass in train mode moves them. The model.train() of the next epoch undoes eval()."
    ),
    cure=N_(
        "Put the frozen batch norms into eval mode after every model.train(). Current Keras does so by itself for trainable=False."
    ),
    reproduce=reproduce,
    common=True,
)
