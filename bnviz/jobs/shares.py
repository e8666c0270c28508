"""How much of what is bounded one address may have, so that no single one of them keeps everybody out."""

from __future__ import annotations

from typing import Final

GREED: Final = 4
"""How many times what is still free one address may hold: alone 4/5 of all, two of them 4/9 each, and so on.

A school behind one address gets as good as everything while it is alone, and yet there is always room for others. Source: Choudhury
& Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", IEEE/ACM Transactions on Networking 6 (2), 1998.
"""


def fits(more: int, own: int, taken: int, most: int) -> bool:
    """Whether `more` may go to an address that has `own` of the `taken` parts of `most`."""
    return taken + more <= most and own + more <= GREED * (most - taken)
