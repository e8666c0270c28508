"""What the page says when a link or a file cannot be used as it is."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def _told(kind: str) -> None:
    from bnviz.errors import Phrase, SettingError, UploadError
    from bnviz.ui.lab import _problems

    upload = UploadError("Column {name} is not numeric.", name="a")
    _problems([upload if kind == "file" else SettingError("seed", Phrase("whole"), "x")], "en")


@pytest.mark.parametrize(("kind", "defaults"), [("file", False), ("link", True)])
def test_only_a_link_is_told_that_defaults_are_used(kind: str, defaults: bool) -> None:
    page = AppTest.from_function(_told, args=(kind,)).run()
    assert not page.exception
    (warning,) = page.warning
    assert ("Defaults are used instead" in warning.value) == defaults
