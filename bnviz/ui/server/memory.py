"""The server gives back memory that nothing needs any more, again and again."""

from __future__ import annotations

import asyncio
from typing import Final

from anyio import to_thread

from bnviz.jobs.memory import give_back

EVERY_S: Final = 30.0


async def keep_giving_back() -> None:
    """Until it is cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        await to_thread.run_sync(give_back)
