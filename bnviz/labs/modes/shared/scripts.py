"""The lab `modes` as standalone PyTorch scripts, one per topic, that print the page's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bnviz.labs.modes.shared.script_snippets import head
from bnviz.labs.modes.shared.script_templates import FREEZE_MATRIX, GAP, INFLUENCE, MOMENTUM_ERROR, POISON, UPDATE_COUNT

if TYPE_CHECKING:
    from bnviz.labs.modes.shared.settings import Settings

_NETWORK: Final = ("batch_size", "depth", "width", "learning_rate", "momentum")

GRID: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def gap_script(settings: Settings) -> str:
    """The script of the topic `gap`."""
    return (
        head(settings, "The same weights and images, in train() and in eval().", (*_NETWORK, "steps", "passes")) + GAP
    )


def momentum_error_script(settings: Settings) -> str:
    """The script of the topic `momentum_error`."""
    chosen = settings.momentum
    numbers = sorted({*GRID, *([] if isinstance(chosen, str) else [chosen])})
    names = ("batch_size", "depth", "width", "learning_rate", "steps", "passes", "seeds")
    momentums = "momentums = [" + ", ".join(map(repr, numbers)) + ", None]  # None: the cumulative average\n"
    return head(settings, "Test error in eval mode against the momentum.", names) + momentums + MOMENTUM_ERROR


def freeze_matrix_script(settings: Settings) -> str:
    """The script of the topic `freeze_matrix`."""
    return head(settings, "What does freezing freeze?", (*_NETWORK, "steps", "frozen")) + FREEZE_MATRIX


def update_count_script(settings: Settings) -> str:
    """The script of the topic `update_count`."""
    imports = "from torch.utils.checkpoint import checkpoint\n"
    names = (*_NETWORK, "steps", "accumulation")
    return head(settings, "How often do the running statistics move per optimizer step?", names, imports) + UPDATE_COUNT


def influence_script(settings: Settings) -> str:
    """The script of the topic `influence`."""
    return head(settings, "Which samples does an answer depend on?", (*_NETWORK, "mode", "groups")) + INFLUENCE


def poison_script(settings: Settings) -> str:
    """The script of the topic `poison`."""
    names = (*_NETWORK, "steps", "poison", "poison_at", "skip_bad_steps", "passes")
    source = head(settings, "One bad batch in train mode, and what cures it.", names)
    return source.replace("import math\n", "import copy\nimport math\n", 1) + POISON
