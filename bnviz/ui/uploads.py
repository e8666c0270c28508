"""The visitor's own table: read within limits, kept in the session only."""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from bnviz.errors import BnvizError, UploadError
from bnviz.i18n import Language, translator
from bnviz.teaching.lab import AnyTopic
from bnviz.ui.visit import LabState

TYPES: Final = ("csv", "npy", "npz")


def draw(topic: AnyTopic, state: LabState, language: Language) -> NDArray[np.float32] | None:
    """The uploader where the source is `upload`; the table (N, D) or images (N, K, H, W), or None with the error told."""
    if topic.upload is None or getattr(state.settings, "source", "") != "upload":
        return None
    _ = translator(language)
    from bnviz.core.uploads import read_classes, read_images, read_upload

    told = {
        "table": _("Rows are samples, columns are features."),
        "images": _("An image as an array (H, W) or (H, W, 3), or several."),
        "classes": _(
            "Rows are samples, the last column is the class, a whole number or a word, the others are features."
        ),
    }[topic.upload]
    kept = _("The file stays in the server's memory while it is in use, and is not kept.")
    file = st.file_uploader(
        _("Your data (CSV, .npy or .npz, at most 2 MB)"), TYPES, key=f"{topic.lab}:upload", help=f"{told} {kept}"
    )
    state.problems = [
        problem for problem in state.problems if not isinstance(problem, UploadError)
    ]  # of an earlier file
    if file is None:
        return None
    try:
        read = {"table": read_upload, "images": read_images, "classes": read_classes}[topic.upload]
        return read(file.name, file.getvalue())
    except BnvizError as error:
        state.problems = [error]
        return None
