"""Every install is the same install: each run-time requirement is pinned, down to the last dependency."""

from __future__ import annotations

import tomllib
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def read(name: str) -> dict[str, Requirement]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith("-r")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


PINNED = read("requirements.txt")


def needed(name: str) -> set[str]:
    """What the installed distribution `name` requires on this machine, without extras."""
    found = (Requirement(text) for text in requires(name) or ())
    return {canonicalize_name(r.name) for r in found if r.marker is None or r.marker.evaluate({"extra": ""})}


def test_requirements_are_exact() -> None:
    for requirement in [*PINNED.values(), *read("requirements-dev.txt").values()]:
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement


def test_the_pins_are_what_is_tested() -> None:
    for name, requirement in (PINNED | read("requirements-dev.txt")).items():
        assert version(name) in requirement.specifier, name


def test_the_pins_leave_nothing_open() -> None:
    assert set().union(*map(needed, PINNED)) - PINNED.keys() == set()


def test_the_package_asks_for_pinned_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["dependencies"]):
        (pin,) = PINNED[canonicalize_name(requirement.name)].specifier
        assert pin.version in requirement.specifier, requirement
