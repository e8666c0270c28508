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
def test_a_link_is_told_that_defaults_are_used_and_what_is_wrong_with_a_file_its_uploader_says(
    kind: str, told: int
) -> None:
    page = AppTest.from_function(_told, args=(kind,)).run()
    assert not page.exception
    assert ["Defaults are used instead" in warning.value for warning in page.warning] == [True] * told
