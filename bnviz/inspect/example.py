"""The recording that ships: a small network that trains with three planted faults. `scripts/make_example.py` makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bnviz.i18n import N_

PATH: Final = Path(__file__).with_name("example.bnviz")
PLANTED: Final = {
    "block2.norm": N_(
        "its momentum is 0.001: after 400 batches the running statistics are still mostly the 0 and 1 that they began with, so "
        "its gap row stays bright."
    ),
    "block4.norm": N_(
        "γ and β of 12 of its 16 channels were pruned to zero: they are dead, and no gradient comes back."
    ),
    "block6.norm": N_(
        "it was left in eval mode: it never normalizes with a batch and its running statistics never move, so its row is blank."
    ),
}
"""What is wrong, by layer."""
