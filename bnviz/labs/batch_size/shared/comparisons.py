"""Measured beside predicted, for both topics of the lab `batch_size`."""

from __future__ import annotations

from typing import Final

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.batch_size.shared.statistics import Statistics
from bnviz.study.comparison import Comparison

NAMES: Final = {"mlp": "MLP", "cnn": "CNN"}
QUANTITIES: Final = {
    "mean_noise": N_("{network}, batch {size}: error of the batch mean, in σ"),
    "variance_noise": N_("{network}, batch {size}: error of the batch variance, in σ²"),
    "fidelity": N_("{network}, batch {size}: R² of output and true value"),
}


def comparisons_of(part: Statistics) -> list[Comparison]:
    """Noise and fidelity at the smallest and at the largest batch size that PyTorch takes."""
    known = np.flatnonzero(np.isfinite(part.fidelity))
    if not known.size:
        return []
    outermost = dict.fromkeys((known[np.argmin(part.batch_sizes[known])], known[np.argmax(part.batch_sizes[known])]))
    normal = Phrase(N_("predicted for normal values, which those of digits nearly are"))
    scaled = Phrase(N_("predicted from the images' own means and variances, the batch variance taken for a scaled χ²"))
    notes = {"fidelity": normal if part.pixels == 1 else scaled}
    return [
        Comparison(
            Phrase(template, {"network": NAMES[part.network], "size": int(part.batch_sizes[column])}),
            float(getattr(part, name)[column]),
            float(getattr(part, f"{name}_theory")[column]),
            float(getattr(part, f"{name}_error")[column]),
            notes.get(name),
        )
        for name, template in QUANTITIES.items()
        for column in outermost
    ]
