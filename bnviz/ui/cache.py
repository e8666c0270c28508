"""One computation for everybody who opens the same link."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from bnviz.lessons.lesson import Lesson
from bnviz.settings import LabSettings


def result(lesson: Lesson[Any, Any], settings: LabSettings, data: NDArray[np.float32] | None) -> Any:
    """The lab's result for `settings`; kept for all sessions unless it stands on a visitor's own `data`."""
    if data is not None:
        return lesson.run(settings, data)
    return _kept(lesson.name, settings.model_dump_json(), lesson, settings)


@st.cache_data(max_entries=32, show_spinner=False)
def _kept(name: str, key: str, _lesson: Lesson[Any, Any], _settings: LabSettings) -> Any:
    return _lesson.run(_settings, None)
