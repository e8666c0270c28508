"""Links into the labs, at the numbers of the model that was looked at, kept within what each lab admits."""

from __future__ import annotations

from urllib.parse import urlencode


def link(lab: str, **query: object) -> str:
    """Path and query of a state of `lab`."""
    words = {name: _text(value) for name, value in query.items()}
    return f"/{lab}" + (f"?{urlencode(words, safe=',')}" if words else "")


def batch_size(n: float) -> int:
    """The nearest batch size that the labs take."""
    return int(min(max(round(n), 1), 1024))


def momentum(value: float | None) -> float | str:
    """PyTorch's momentum as the labs spell it; 0, which no lab takes, becomes the smallest that one does."""
    return "cumulative" if value is None else min(max(float(value), 1e-3), 1.0)


def devices(ranks: int, samples: float) -> dict[str, int]:
    """So many devices with so many samples each, within what the lab `devices` takes."""
    return {"devices": min(max(ranks, 1), 16), "per_device": int(min(max(round(samples), 2), 256))}


def eps(value: float) -> float:
    """The nearest ε that the labs take."""
    return min(max(float(value), 1e-12), 1.0)


def steps(value: float, most: int = 1000) -> int:
    """A number of training steps that the labs take."""
    return int(min(max(round(value), 1), most))


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
