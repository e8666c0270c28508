"""Fixed quadrature rules: Gauss–Legendre panels, accurate to rounding on the smooth integrands of this package."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from bnviz.theory._arguments import FloatArray

_NODES, _WEIGHTS = (np.asarray(part) for part in np.polynomial.legendre.leggauss(40))

# The standard normal mass beyond 12 is 4e-33: nothing in double precision.
TAIL = 12.0

# Activations bend within a few units of 0 and are straight or flat to rounding beyond 40, so panels end there.
_BENDS = np.array([-40.0, -12.0, -4.0, 0.0, 4.0, 12.0, 40.0])
_BENDS_LIST: list[float] = _BENDS.tolist()
_NORMAL_ENDS = np.array([-TAIL, 0.0, TAIL])


def panels(edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights (..., K·40) for the integral over K neighbouring panels with the sorted edges (..., K + 1)."""
    half = 0.5 * np.diff(edges)[..., None]
    middle = 0.5 * (edges[..., 1:] + edges[..., :-1])[..., None]
    shape = (*edges.shape[:-1], (edges.shape[-1] - 1) * _NODES.size)
    return (middle + half * _NODES).reshape(shape), (half * _WEIGHTS).reshape(shape)


def normal_nodes(scale: ArrayLike = 1.0, shift: ArrayLike = 0.0) -> tuple[FloatArray, FloatArray]:
    """Nodes z and weights (..., n), so that Σ weights·f(scale·z + shift) = E f(scale·z + shift), z standard normal.

    The panels are split where scale·z + shift crosses 0, which keeps kinked activations exact, and around it,
    which keeps a step much narrower than the normal density exact. scale is 0 or more. Panels that are empty for every
    scale and shift are left out.
    """
    safe = np.maximum(np.asarray(scale, dtype=np.float64), 1e-300)[..., None]
    bends = np.clip((_BENDS - np.asarray(shift, dtype=np.float64)[..., None]) / safe, -TAIL, TAIL)
    ends = np.broadcast_to(_NORMAL_ENDS, (*bends.shape[:-1], _NORMAL_ENDS.size))
    edges = np.sort(np.concatenate([bends, ends], axis=-1), axis=-1)
    filled = (np.diff(edges) > 0).reshape(-1, edges.shape[-1] - 1).any(axis=0)
    z, weights = panels(edges[..., np.append(True, filled)])
    return z, weights * np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)


def scalar_normal_nodes(scale: float, shift: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """The rule of `normal_nodes` for one scale and shift, without its empty panels: several times faster."""
    reach = TAIL * scale
    inside = [(bend - shift) / scale for bend in _BENDS_LIST if abs(bend - shift) < reach]
    z, weights = panels(np.array(sorted([-TAIL, 0.0, TAIL, *inside])))
    return z, weights * np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
