"""A graph exported in train mode goes on normalizing with the batch."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github


@torch.no_grad()
def reproduce() -> Measured:
    """RMS difference between the exported operation and `model.eval()` on a batch of 4: exported in train mode, in eval mode."""
    batch = gaussian_batches(4, 64)
    norm = after_batches(nn.BatchNorm1d(64), batch, 200)
    x = batch()

    def difference(*, training: bool) -> float:
        # The one operation that an exporter writes down, with the mode that the module is in.
        exported = torch.batch_norm(
            x, norm.weight, norm.bias, norm.running_mean, norm.running_var, training, 0.0, norm.eps, False
        )
        return float((exported - norm(x)).pow(2).mean().sqrt())

    return Measured(difference(training=True), difference(training=False))


CASE = Case(
    name="export",
    family="porting",
    symptom=N_("The exported model (ONNX, TorchScript, TFLite) gives other outputs than PyTorch"),
    words=N_(
        "export, exported, exporting, ONNX, onnxruntime, torch.onnx.export, TrainingMode, training_mode, "
        "TorchScript, torch.jit.trace, torch.export, TFLite, tflite, CoreML, OpenVINO, TensorRT, converter, .pth "
        "and onnx, opset, traced in train mode, set to training mode, running stats are None"
    ),
    threads=(
        github("microsoft/onnxruntime", 3873),
        github("pytorch/pytorch", 75252),
        github("onnx/onnx", 5590),
    ),
    look=N_(
        "root mean square difference between the exported operation and model.eval(), for a batch of 4: exported in"
        " train mode, and in eval mode"
    ),
    cause=N_(
        "The exporter writes down the mode: in train mode, or without running statistics, the graph contains a "
        "batch norm that uses the batch. The comparison often runs PyTorch itself in train mode, too."
    ),
    cure=N_(
        "model.eval() before the export and before the comparison; keep track_running_stats=True. Compare with a "
        "tolerance of about 1e-5."
    ),
    reproduce=reproduce,
    common=True,
)
