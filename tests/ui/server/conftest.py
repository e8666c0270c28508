"""What a server does to the process that it is alone in, kept from the process of the tests."""

from __future__ import annotations

import gc

import pytest

from bnviz.ui.server import warm_up


@pytest.fixture
def only_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that starts leaves the rest of this process as it is."""
    monkeypatch.setattr(gc, "freeze", lambda: None)
    for name in ("find_a_folder", "raise_file_limit", "send_at_once", "bound_the_log"):
        monkeypatch.setattr(warm_up, name, lambda *_: None)
