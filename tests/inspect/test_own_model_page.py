"""docs/own_model.md: the example runs, and prints what stands under it."""

from __future__ import annotations

import re

from scripts.make_own_model_page import OUTPUT, PAGE, printed

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?")


def test_the_example_prints_what_the_page_says() -> None:
    """Words exactly; numbers within a tenth, because another processor rounds otherwise."""
    page = PAGE.read_text(encoding="utf-8")
    said, told = OUTPUT.findall(page), printed(page)
    assert len(said) == len(told) == 3
    for expected, got in zip(said, told, strict=True):
        assert NUMBER.sub("#", got) == NUMBER.sub("#", expected)
    before, after = (int(text.rsplit("mode: ", 1)[1].split()[0]) for text in (told[0], told[2]))
    assert before < 40
    assert after > 85
    assert "started_recently" in told[1]
