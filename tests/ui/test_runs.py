"""The workers of a server that ends before they have started."""

from __future__ import annotations

import threading
from unittest.mock import Mock

import pytest

from bnviz.jobs.errors import NoProcessError
from bnviz.ui.runs import Runs
from bnviz.ui.server import warm_up

PATIENCE_S = 20.0


def test_who_ends_the_server_does_not_wait_for_workers_that_are_just_starting() -> None:
    pool, begun, go_on = Mock(), threading.Event(), threading.Event()

    def slowly() -> Mock:
        begun.set()
        go_on.wait(PATIENCE_S)
        return pool

    runs = Runs(slowly)
    opening = threading.Thread(target=lambda: runs.pool)
    opening.start()
    assert begun.wait(PATIENCE_S)
    runs.close()
    pool.close.assert_not_called()
    go_on.set()
    opening.join(PATIENCE_S)
    pool.close.assert_called_once()


def test_runs_that_were_closed_start_workers_again_for_who_needs_them() -> None:
    pools = [Mock(), Mock()]
    runs = Runs(iter(pools).__next__)
    assert runs.pool is pools[0]
    runs.close()
    assert runs.pool is pools[1]
    pools[0].close.assert_called_once()
    pools[1].close.assert_not_called()


def test_where_no_worker_can_be_started_it_is_said_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    pool = Mock()
    runs = Runs(Mock(side_effect=[FileNotFoundError("no folder"), pool]))
    with pytest.raises(NoProcessError, match="cannot start a process"):
        runs.pool  # noqa: B018
    assert "no folder" in caplog.text
    assert runs.pool is pool


@pytest.mark.parametrize("ends", [True, False])
def test_what_does_not_get_ready_is_told_unless_the_server_ends(
    ends: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warm_up, "ENDING_S", 0.01)
    monkeypatch.setattr(warm_up.cache, "compute_elsewhere", lambda computing: None)
    warming = warm_up._WarmUp(Mock(), ())

    def fail(text: str) -> None:
        if ends:
            warming.end()
        raise EOFError

    monkeypatch.setattr(warm_up, "search", fail)
    warming.run()
    assert ("EOFError" in caplog.text) is not ends
