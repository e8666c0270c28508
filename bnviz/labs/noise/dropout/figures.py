"""Pictures of the topic `dropout` of the lab `noise`."""

from __future__ import annotations

from typing import Final

import numpy as np

from bnviz.i18n import N_, Language, translator
from bnviz.labs.noise.dropout.result import BEFORE, Result
from bnviz.labs.noise.shared.shift_figures import ratio_chart, unit_chart
from bnviz.plot.chart import Chart
from bnviz.plot.theme import Role
from bnviz.study.figures import seeds
from bnviz.study.figures.seeds import ErrorCurve, Pair, error_curves

ROLES: Final[dict[str, Role]] = {
    "none": "series_2",
    "dropout_after_norm": "series_4",
    "dropout_before_norm": "series_1",
    "no_norm": "series_6",
    "recalibrated": "series_5",
}
NAMES: Final = {
    "none": N_("batch norm alone"),
    "dropout_after_norm": N_("Dropout after norm"),
    "dropout_before_norm": N_("Dropout before norm"),
    "no_norm": N_("Dropout alone"),
    "recalibrated": N_("before, recalibrated"),
}
SHORT: Final = {
    "none": N_("no Dropout"),
    "dropout_after_norm": N_("after norm"),
    "dropout_before_norm": N_("before norm"),
    "no_norm": N_("no batch norm"),
    "recalibrated": N_("recalibrated"),
}
FIRST_PAIRS: Final = 3


def curves(result: Result, language: Language = "en") -> Chart:
    """Test error by epoch on a log axis: each order, and Dropout in front of batch norm with recalibrated statistics."""
    _ = translator(language)
    variants = [
        ErrorCurve(
            _(NAMES[name]),
            _(SHORT[name]),
            ROLES[name],
            result.courses.error[index],
            result.courses.diverged_at[index],
        )
        for index, name in enumerate(result.variants)
    ]
    variants.insert(
        BEFORE + 1,
        ErrorCurve(
            _(NAMES["recalibrated"]),
            _(SHORT["recalibrated"]),
            ROLES["recalibrated"],
            result.recalibrated_error,
            np.full_like(result.courses.diverged_at[BEFORE], -1),
        ),
    )
    per_epoch = result.courses.total_steps / result.settings.epochs
    return error_curves("dropout_curves", variants, result.courses.epochs, result.settings.epochs, per_epoch, _)


def differences(result: Result, language: Language = "en") -> Chart:
    """Dropout behind norm, in front of norm, and recalibration, each against what comes before it."""
    return _differences(result, "dropout_differences", slice(None, FIRST_PAIRS), language)


def remainder(result: Result, language: Language = "en") -> Chart:
    """What recalibration leaves: against Dropout behind norm, and against the same Dropout without batch norm."""
    return _differences(result, "dropout_remainder", slice(FIRST_PAIRS, None), language)


def ratios(result: Result, language: Language = "en") -> Chart:
    """Variance shift in the trained networks with Dropout in front of batch norm."""
    _ = translator(language)
    words = _("dots: after {steps} training steps, Dropout before norm · dashed: predicted from training mode")
    return ratio_chart("dropout_ratios", result.shift, words.format(steps=result.looked_at), _)


def units(result: Result, language: Language = "en") -> Chart:
    """Every unit's variance in eval mode against its prediction, in the trained networks."""
    return unit_chart(result.shift, translator(language))


def _differences(result: Result, name: str, chosen: slice, language: Language) -> Chart:
    _ = translator(language)
    pairs = [
        Pair(_("{second} − {first}").format(first=_(SHORT[first]), second=_(SHORT[second])), values, finding)
        for (first, second), values, finding in zip(
            result.pairs[chosen], result.differences[chosen], result.findings[chosen], strict=True
        )
    ]
    return seeds.differences(name, pairs, result.settings.seed, _)
