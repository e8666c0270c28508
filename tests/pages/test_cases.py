"""The page of reported problems: every card in both languages, the search and its link, and links into the labs."""

from __future__ import annotations

from typing import Any

import pytest

from bnviz.i18n import translator
from bnviz.lessons.cases import CASES, LONGEST_QUERY, found
from bnviz.ui.cases import EXAMPLES, lab_of
from tests.pages.test_pages import control, open_page, words


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_problem_is_on_the_page(language: Any) -> None:
    page = open_page("cases", lang=language)
    assert not page.exception
    told = words(page).replace("\\", "")
    for case in CASES:
        for text in (case.symptom, case.look, case.cause, case.cure):
            assert translator(language)(text).replace("\\", "") in told
        for thread in case.threads:
            assert thread.url in told
    reachable = [link for case in CASES for link in case.links if lab_of(link)]
    assert len(page.get("page_link")) == len(reachable)


def shown(page: Any) -> list[str]:
    """The names of the cards on the page, in order."""
    told = words(page).replace("\\", "")
    return [case.name for case in sorted(CASES, key=lambda case: told.find(case.symptom)) if case.symptom in told]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("eval", "eval_differs"), ("NaN", "poisoned"), ("nan", "poisoned"), ("batch of one", "batch_of_one"),
        ("momentum", "momentum_elsewhere"), ("评估", "eval_differs"), ("推理", "eval_differs"), ("动量", "momentum_elsewhere"),
        ("批大小为 1", "batch_of_one"), ("冻结", "not_frozen"), ("requires_grad", "not_frozen"), ("填充", "padded_sequences"),
        ("dropout", "dropout_in_front"), ("mmsegmentation", "batch_of_one"), ("5406", "eval_differs"), ("偏置", "redundant_bias"),
        ("bias", "redundant_bias"),
        ("trainable", "not_frozen"), ("mixed precision", "poisoned"), ("信息泄漏", "leaking_mates"),
    ],
)  # fmt: skip
def test_a_symptom_finds_its_card_first(query: str, first: str) -> None:
    assert found(query)[0].name == first
    page = open_page("cases", lang="en", q=query)
    assert not page.exception
    assert shown(page)[0] == first
    assert len(shown(page)) < len(CASES)
    assert page.text_input(key="cases:q").value == query


def test_the_phrase_beats_its_words_and_the_title_the_text() -> None:
    assert found("momentum")[0].name == "momentum_elsewhere"
    assert {case.name for case in found("momentum")} > {"momentum_elsewhere"}
    assert [case.name for case in found("")] == [case.name for case in CASES]
    assert found("no such thing at all") == []
    assert [case.name for case in found("GPU pooling")] == ["batch_of_one"]


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_examples_find_something(example: str, language: Any) -> None:
    assert 0 < len(found(translator(language)(example))) < len(CASES)


def test_typing_and_the_buttons_search_and_all_brings_everything_back() -> None:
    page = open_page("cases", lang="en")
    page.text_input(key="cases:q").set_value("bias").run()
    assert not page.exception
    assert "redundant_bias" in shown(page)
    assert page.session_state["visit"].search == "bias"
    page.button(key="cases:NaN").click().run()
    assert shown(page) == ["poisoned"]
    page.switch_page("../../pages/layer.py").run()
    page.switch_page("../../pages/cases.py").run()
    assert shown(page) == ["poisoned"]
    page.button(key="cases:all").click().run()
    assert len(shown(page)) == len(CASES)


@pytest.mark.parametrize(
    "query",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "$\\frac{1}{0}$",
        ":red[x]",
        "a\x00b\nc",
        "%" * 5000,
        "🙂",
        "{query}",
        "*" * 70,
    ],
)
def test_hostile_searches_leave_the_page_standing(query: str) -> None:
    page = open_page("cases", lang="en", q=query)
    assert not page.exception
    assert len(page.session_state["visit"].search) <= LONGEST_QUERY
    assert page.session_state["visit"].search.isprintable()
    told = words(page)
    assert "<script>" not in told
    assert "Nothing fits" in told


def test_a_card_opens_the_picture_without_the_question_and_other_labs_still_ask() -> None:
    page = open_page("cases", lang="en")
    page.switch_page("../../pages/layer.py")
    page.query_params["mode"] = "eval"
    page.query_params["predict"] = "0"
    page.run()
    assert not page.exception
    assert control(page, "layer:view").value == "picture"
    assert page.session_state["visit"].labs["layer"].settings.mode == "eval"
    assert page.session_state["visit"].predict
    page.query_params.clear()
    page.switch_page("../../pages/running_stats.py").run()
    with pytest.raises(KeyError):
        control(page, "running_stats:view")


def test_the_last_lab_leads_here() -> None:
    page = open_page("builder", lang="en", predict="0")
    label = page.get("page_link")[-1].proto.label
    assert "Where does it come from" in label
