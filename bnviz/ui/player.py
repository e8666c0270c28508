"""Live histograms on a canvas: a run's frames travel once, the browser plays them."""

from __future__ import annotations

from dataclasses import dataclass

from bnviz.i18n import Language
from bnviz.plot import wire
from bnviz.plot.scene import Scene
from bnviz.ui import assets


@dataclass(frozen=True, slots=True)
class ReadyScene:
    """A scene as it is sent. `key`: the component's."""

    key: str
    scene: wire.EncodedScene

    def show(self, step: int) -> int | None:
        """Put it on the page, its playhead at first on frame `step`; return the frame where the visitor stopped it, if any."""
        state = assets.component("player")(
            key=self.key, data=self.content(step), default={"step": None}, on_step_change=lambda: None
        )
        stopped = state.step
        return int(stopped) if isinstance(stopped, int) and 0 <= stopped < self.scene.frames else None

    def content(self, step: int) -> bytes:
        """What the component gets."""
        return self.scene.content(step)


def ready(scene: Scene, group: str, language: Language) -> ReadyScene:
    """`scene`, ready to be shown; `group` names its playhead."""
    return ReadyScene(f"{group}.{scene.name}", wire.encode(scene, group, language))
