"""Every install is the same install: each run-time requirement is pinned, down to the last dependency."""

from __future__ import annotations

import ast
import re
import sys
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
CLUSTER = read("requirements-dask.txt")
DEVELOPMENT = read("requirements-dev.txt")


def needed(name: str) -> set[str]:
    """What the installed distribution `name` requires on this machine, without extras."""
    found = (Requirement(text) for text in requires(name) or ())
    return {canonicalize_name(r.name) for r in found if r.marker is None or r.marker.evaluate({"extra": ""})}


def test_requirements_are_exact() -> None:
    for requirement in [*PINNED.values(), *CLUSTER.values(), *DEVELOPMENT.values()]:
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement


def test_the_pins_are_what_is_tested() -> None:
    for name, requirement in [*PINNED.items(), *CLUSTER.items(), *DEVELOPMENT.items()]:
        if requirement.marker is None or requirement.marker.evaluate():
            assert version(name) in requirement.specifier, name


def test_the_pins_leave_nothing_open() -> None:
    assert set().union(*map(needed, PINNED)) - PINNED.keys() == set()
    assert set().union(*map(needed, CLUSTER)) - CLUSTER.keys() - PINNED.keys() == set()


def test_the_lock_holds_the_pins_with_digests() -> None:
    """`make lock` after a change of requirements.txt."""
    blocks = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    locked = {}
    for line in (line for line in blocks if not line.startswith("#")):
        text, *digests = line.split(" --hash=")
        locked[canonicalize_name(Requirement(text).name)] = str(Requirement(text))
        assert digests, line
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64} *", digest.lstrip()) for digest in digests), text
        assert len(set(digests)) == len(digests), text
    assert locked == {name: str(requirement) for name, requirement in PINNED.items()}
    assert "requirements.lock" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_package_asks_for_pinned_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["dependencies"]):
        (pin,) = PINNED[canonicalize_name(requirement.name)].specifier
        assert pin.version in requirement.specifier, requirement


def imported() -> set[str]:
    """The packages that bnviz and its server import from elsewhere, wherever they do it."""
    names: set[str] = set()
    for path in [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "bnviz").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"app", "bnviz", "pages"}


def test_what_is_imported_is_asked_for_by_name() -> None:
    """What merely comes along with another package may leave with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {
        canonicalize_name(Requirement(text).name)
        for texts in (project["dependencies"], *project["optional-dependencies"].values())
        for text in texts
    }
    listed, _, _ = (ROOT / "requirements.txt").read_text(encoding="utf-8").partition("# What these bring along")
    first = {canonicalize_name(Requirement(line).name) for line in listed.splitlines() if line and line[0] != "#"}
    wanted = {canonicalize_name(name) for name in imported()}
    assert wanted - asked == set()
    assert wanted - {"distributed"} == first
