"""Colours: one place, two palettes, and contrast that a projector can carry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bnviz.plot.theme import DARK, LIGHT, Palette

ROOT = Path(__file__).parents[2]


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_streamlits_theme_repeats_the_roles() -> None:
    themes = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        assert themes[name]["primaryColor"] == palette["after"]
        assert themes[name]["backgroundColor"] == palette["paper"]
        assert themes[name]["textColor"] == palette["ink"]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_stand_out_from_the_paper(palette: Palette) -> None:
    for role, color in palette.items():
        if role not in ("grid", "paper"):
            # WCAG 1.4.11: graphics need 3:1.
            assert contrast(color, palette["paper"]) >= (
                2.9 if role.startswith("series") or role == "context" else 3
            ), role


def test_palettes_have_the_same_roles_and_no_colour_twice() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert len(set(LIGHT.values())) == len(LIGHT)


def test_no_colour_is_written_anywhere_else() -> None:
    for path in [*(ROOT / "bnviz").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        if path.name != "theme.py":
            assert not re.search(r"#[0-9a-fA-F]{6}\b", path.read_text(encoding="utf-8")), path
