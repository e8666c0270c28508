"""What every test shares: one thread per process, reproducible property tests, and a Python that runs exported scripts."""

from __future__ import annotations

import os

# Before torch and NumPy are imported: two test processes already use both cores.
os.environ["OMP_NUM_THREADS"] = "1"

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.warm_python import WarmPython

# No deadline: the time an example takes says more about the machine than about the code.
# Fresh examples come with every run, so few a run are many in a week; `make claims` draws many at once.
settings.register_profile("long", deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", settings.get_profile("long"), max_examples=20)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

RunScript = Callable[[str, Path], dict[str, float]]


@pytest.fixture(scope="session")
def run_script() -> Iterator[RunScript]:
    """`run_script(source, tmp_path)`: what the script prints as `name = value`, run alone, where bnviz cannot be imported."""
    python = WarmPython()
    yield python.run
    python.close()


@pytest.fixture(scope="session", autouse=True)
def _installed_components_are_looked_up_once() -> None:
    """Streamlit reads the metadata of every installed package for each page under test: nine tenths of the time that it takes."""
    if "streamlit" in sys.modules:
        from streamlit.components.v2 import manifest_scanner

        manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)
