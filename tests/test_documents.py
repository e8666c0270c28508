"""README, CONTRIBUTING and the documentation: links and anchors lead somewhere, and what they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bnviz.cli import parser
from bnviz.labs.course import LABS, TOPICS
from scripts import make_reference

ROOT = Path(__file__).parents[1]
GENERATED = {make_reference.PAGE: make_reference.page}
SOURCES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [path for path in sorted((ROOT / "docs").rglob("*.md")) if path not in GENERATED]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
LONGEST_README = 120


def text_of(path: Path) -> str:
    """What stands in a document; of a generated one, what would be written."""
    return GENERATED[path]() if path in GENERATED else path.read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    """The anchors of its headings, as MkDocs and the usual hosts make them."""
    heads = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def broken(path: Path, text: str) -> list[str]:
    """The relative links in `text` that lead nowhere, seen from `path`."""
    found = []
    for link in LINK.findall(text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        there = target.exists() or target in GENERATED
        if not there or (anchor and anchor not in anchors(text if target == path else text_of(target))):
            found.append(link)
    return found


@pytest.mark.parametrize("path", [*SOURCES, *PAGES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    assert broken(path, path.read_text(encoding="utf-8")) == []


def test_a_link_to_nowhere_would_be_caught() -> None:
    text = (
        "# A page\n[a](nowhere.md) [b](#a-page) [c](#another) [d](LICENSE) [e](CONTRIBUTING.md#the-roms) ![f](no.png)"
    )
    assert broken(ROOT / "README.md", text) == ["nowhere.md", "#another", "CONTRIBUTING.md#the-roms", "no.png"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_site_links_only_within_itself_and_every_page_is_in_its_navigation(path: Path) -> None:
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if not link.startswith(("http", "#")):
            assert (path.parent / link.partition("#")[0]).resolve().is_relative_to(ROOT / "docs")
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert f": {path.relative_to(ROOT / 'docs').as_posix()}\n" in navigation


def test_the_readme_is_short_and_names_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= LONGEST_README
    assert {lab.name for lab in LABS} <= set(re.findall(r"^\| `/(\w+)` \|", readme, re.M))


def test_the_theory_page_has_every_module_of_closed_forms() -> None:
    modules = {path.stem for path in (ROOT / "bnviz" / "theory").glob("[!_]*.py")}
    shown = re.findall(r"^::: bnviz\.theory\.(\w+)$", (ROOT / "docs" / "theory.md").read_text(encoding="utf-8"), re.M)
    assert sorted(shown) == sorted(modules)


def test_deployment_names_every_option_and_environment_variable() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    sources = [*(ROOT / "bnviz").rglob("*.py"), ROOT / "Dockerfile", ROOT / "compose.yaml"]
    variables = {name for path in sources for name in re.findall(r"\bBNVIZ_[A-Z_]+", path.read_text(encoding="utf-8"))}
    assert variables
    assert variables <= set(re.findall(r"BNVIZ_[A-Z_]+", text))
    options = set(re.findall(r"--[a-z-]+", parser().format_help())) - {"--help", "--version"}
    assert options <= set(re.findall(r"--[a-z-]+", text))


def test_the_reference_has_every_topic_with_its_settings_and_its_result() -> None:
    page = make_reference.page()
    for topic in TOPICS:
        section = page.partition(f"### {topic.id}\n")[2].partition("\n##")[0]
        rows = set(re.findall(r"^\| `(\w+)` \|", section, re.M))
        assert set(topic.settings.model_fields) <= rows, topic.id
        assert set(make_reference.documented(make_reference.result_of(topic))) <= rows, topic.id
    assert "| `batch_size` | 32 | a whole number from 1 to 1024 | Batch size (samples). Samples per batch, m. |" in page


def test_every_rule_of_make_that_documents_name_exists() -> None:
    rules = set(re.findall(r"^([a-z_]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for path in (*SOURCES, *PAGES):
        named = re.findall(r"(?:^    |`)make ([a-z_]+)", path.read_text(encoding="utf-8"), re.M)
        assert set(named) <= rules, path
