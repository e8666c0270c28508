"""Which backend the environment asks for."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Final

from bnviz.jobs import resources
from bnviz.jobs.backend import Backend
from bnviz.jobs.processes import Processes

SCHEDULER: Final = "BNVIZ_SCHEDULER"


def configured(modules: tuple[str, ...] = ()) -> Backend:
    """The Dask cluster that `BNVIZ_SCHEDULER` names, or the processes of this machine, which import `modules` first."""
    address = os.environ.get(SCHEDULER, "").strip()
    if not address:
        return Processes(modules=modules)
    from bnviz.jobs.cluster import Cluster

    return Cluster(address, resources.configured_workers())


def missing_package() -> str:
    """The package that is wanted for the chosen backend and not installed; empty where there is none."""
    wanted = os.environ.get(SCHEDULER, "").strip()
    return "distributed" if wanted and find_spec("distributed") is None else ""
