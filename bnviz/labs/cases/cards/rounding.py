"""In eval mode the batch size may still change the last digits: matrix products sum in another order."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, linear
from bnviz.labs.cases.case import Case, Measured, github


@torch.no_grad()
def reproduce() -> Measured:
    """Largest difference of a sample's output alone and in a batch of 64, eval mode, over σ: float32 and float64."""

    def difference(dtype: torch.dtype) -> float:
        generator = torch.Generator().manual_seed(0)

        def batch() -> Tensor:
            return torch.randn(64, 256, generator=generator).to(dtype)

        model = after_batches(nn.Sequential(linear(256, 64), nn.BatchNorm1d(64)).to(dtype), batch, 5)
        x = batch()
        together, alone = model(x), torch.cat([model(sample) for sample in torch.split(x, 1)])
        return float((together - alone).abs().max() / together.std())

    return Measured(difference(torch.float32), difference(torch.float64))


CASE = Case(
    name="rounding",
    family="modes",
    symptom=N_("In eval mode, the same image still gives slightly different outputs with another batch size"),
    words=N_(
        "slightly different, numerical precision, floating point, 1e-6, tiny difference, batched inference, "
        "different precision output, nondeterministic, cuDNN, TF32, allclose fails"
    ),
    threads=(github("pytorch/pytorch", 58128), github("huggingface/pytorch-image-models", 2244)),
    look=N_("largest difference between a sample alone and in a batch of 64, over σ: float32 and float64"),
    cause=N_(
        "Not batch norm: in eval mode it treats every sample alone. Matrix products and convolutions choose their "
        "algorithm by size and add up in another order, which changes the last digits."
    ),
    cure=N_(
        "Compare with a tolerance (torch.testing.assert_close), or in float64. If the difference is larger than "
        "rounding, some layer is not in eval mode."
    ),
    reproduce=reproduce,
)
