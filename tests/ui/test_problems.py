"""What the page says when a link or a file cannot be used as it is."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def _told(kind: str) -> None:
    from bnviz.errors import Phrase, SettingError, UploadError
    from bnviz.ui.lab import _problems

    upload = UploadError("Column {name} is not numeric.", name="a")
    _problems([upload if kind == "file" else SettingError("seed", Phrase("whole"), "x")], "en")


@pytest.mark.parametrize(("kind", "told"), [("file", 0), ("link", 1)])
def test_what_is_wrong_with_a_link_is_told_here_and_with_a_file_by_its_uploader(kind: str, told: int) -> None:
    page = AppTest.from_function(_told, args=(kind,)).run()
    assert not page.exception
    assert ["seed must be" in warning.value for warning in page.warning] == [True] * told
