"""What the server no longer needs is looked for and given back at times of its own.

Python looks through everything that it has collected so far whenever that has grown by a quarter: with a class in the server every six
seconds, and everybody waits a tenth to a quarter of a second for it (60 visitors, `python -m benchmarks.walk`).
"""

from __future__ import annotations

import asyncio
import gc
from typing import Final

from anyio import to_thread

from bnviz.jobs.memory import give_back

EVERY_S: Final = 30.0
OFTEN: Final = 1000
"""Collections of what is young, after each of which there would be one of everything: only if the clock comes too late."""


async def keep_giving_back() -> None:
    """Until it is cancelled."""
    before = gc.get_threshold()
    gc.set_threshold(before[0], before[1], OFTEN)
    try:
        while True:
            await asyncio.sleep(EVERY_S)
            await to_thread.run_sync(gc.collect)
            await to_thread.run_sync(give_back)
    finally:
        gc.set_threshold(*before)
