"""Which comparison the topics' predictions ask for."""

from __future__ import annotations

from collections.abc import Sequence

from bnviz.labs.training.shared.settings import TrainingSettings
from bnviz.study.verdict import Finding


def compares_batch_norm(settings: TrainingSettings) -> bool:
    """Whether a run compares batch norm with no normalizer, of which the questions speak."""
    return settings.normalizers[0] == "none" and "batch" in settings.normalizers


def of_batch_norm(pairs: Sequence[tuple[str, str]], findings: Sequence[Finding]) -> Finding | None:
    """The finding on batch norm against no normalizer; None where these two are not compared, and the question has no answer."""
    return dict(zip(pairs, findings, strict=True)).get(("none", "batch"))
