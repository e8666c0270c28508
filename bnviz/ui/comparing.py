"""The pinned run beside the one that is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bnviz.errors import BnvizError
from bnviz.i18n import Language, translator
from bnviz.plot.chart import Chart
from bnviz.plot.pinned import over, over_scene
from bnviz.plot.scene import Scene
from bnviz.settings import LabSettings
from bnviz.teaching.lab import AnyTopic, InstantTopic, Picture
from bnviz.ui import cache, controls
from bnviz.ui.cache import Ready
from bnviz.ui.runs import RUNS, shipped_result
from bnviz.ui.visit import LabState


@dataclass(frozen=True, slots=True)
class Pinned:
    """Pictures of two runs."""

    caption: str
    """Both settings in words."""
    pictures: tuple[tuple[Ready, Ready | None], ...]
    """Each picture; where the pinned one could not be laid behind it, that one too."""


def drawings(state: LabState, result: Any, language: Language) -> Pinned | None:
    """The pictures of `result` with the pinned run; None where nothing of this topic is pinned, or it is what is shown."""
    topic, _ = state.topic, translator(language)
    if state.pinned is None or state.pinned[0] is not topic or state.pinned[1] == state.settings:
        return None
    settings = state.pinned[1]
    try:
        other = _result(topic, settings)
    except BnvizError:
        return None
    if other is None:
        return None

    pinned, shown = (controls.described(topic, one, language) or _("as it opens") for one in (settings, state.settings))
    caption = _("Pinned (faint): {pinned}. Now: {now}.").format(pinned=pinned, now=shown)
    return Pinned(caption, compared(topic, result, other, language))


def compared(
    topic: AnyTopic, result: Any, other: Any, language: Language, before: Callable[[], object] = cache.freely
) -> tuple[tuple[Ready, Ready | None], ...]:
    """Each picture of `result` with that of the pinned run `other` behind it; where that cannot be, both.

    `before`: called where they have to be drawn. Raises what that raises.
    """
    _ = translator(language)

    def make() -> tuple[Any, ...]:
        before()
        pairs = [_pair(draw(result, language), draw(other, language), _("Pinned")) for draw in topic.pictures]
        unit = next((picture.unit for pair in pairs for picture in pair if isinstance(picture, Scene)), "")
        ready = tuple(
            (
                cache.ready(now, topic.lab, unit, language),
                None if then is None else cache.ready(then, f"{topic.lab}-pinned", unit, language),
            )
            for now, then in pairs
        )
        return result, other, ready

    # The results are kept beside their drawings, so that no others can get their ids.
    *_results, ready = cache.drawn((id(result), id(other), topic.id, language), make)
    return tuple(ready)


def _result(topic: AnyTopic, settings: LabSettings) -> Any:
    """What is known of the pinned run without a wait."""
    if isinstance(topic, InstantTopic):
        return cache.result(topic, settings, None)
    run = RUNS.latest(topic, settings)
    if run is not None and run.job.state == "done":
        return run.job.partial
    return shipped_result(topic) if settings == topic.opening else None


def _pair(now: Picture, pinned: Picture, title: str) -> tuple[Picture, Picture | None]:
    both: Picture | None = None
    if isinstance(now, Chart) and isinstance(pinned, Chart):
        both = over(now, pinned)
    elif isinstance(now, Scene) and isinstance(pinned, Scene):
        both = over_scene(now, pinned, title)
    return (now, pinned) if both is None else (both, None)
