"""What surrounds the pages in one ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from starlette.middleware import Middleware

from bnviz.teaching.lab import AnyTopic
from bnviz.ui.server.base_path import BasePath
from bnviz.ui.server.compression import CompressOnce
from bnviz.ui.server.headers import SecurityHeaders
from bnviz.ui.server.hosts import KnownHosts
from bnviz.ui.server.limits import Limits
from bnviz.ui.server.origin import SameOrigin
from bnviz.ui.server.routes import routes
from bnviz.ui.server.upload_quota import UploadQuota
from bnviz.ui.server.warm_up import the_course, warming

FRAME: Final = Path(__file__).parents[1] / "frame.py"


def middleware() -> list[Middleware]:
    """From the outermost to the innermost; Streamlit's own come after."""
    layers = (SecurityHeaders, KnownHosts, SameOrigin, Limits, BasePath, UploadQuota, CompressOnce)
    return [Middleware(layer) for layer in layers]


def surroundings(course: Callable[[], Sequence[AnyTopic]] = the_course) -> dict[str, Any]:
    """What `st.App` is given besides its script. `course`: the topics to get ready before the first visitor.

    `streamlit run` finds an application by reading the words `st.App(` in the file that it is given, so they stand there.
    """
    return {"lifespan": warming(course), "routes": routes(), "middleware": middleware()}
