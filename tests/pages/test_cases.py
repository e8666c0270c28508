"""The page of reported problems: every card in both languages, the search and its link, and links into the labs."""

from __future__ import annotations

from typing import Any

import pytest

from bnviz.i18n import translator
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.cases.search import LONGEST_LINK, LONGEST_QUERY, search
from bnviz.ui.cases import EXAMPLES, lab_of
from tests.pages.test_pages import control, open_page, words

ERROR = "ValueError: Expected more than 1 value per channel when training, got input size torch.Size([1, 512, 1, 1])"


def shown(page: Any) -> list[str]:
    """The names of the cards on the page, in order."""
    symptoms = {case.symptom: case.name for case in CASES}
    return [symptoms[label] for card in page.expander if (label := card.label.replace("\\", "")) in symptoms]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_problem_is_listed_and_closed(language: Any) -> None:
    page = open_page("cases", lang=language)
    assert not page.exception
    labels = [card.label.replace("\\", "") for card in page.expander]
    assert sorted(labels) == sorted(translator(language)(case.symptom) for case in CASES)
    assert CASES[0].threads[0].url not in words(page)  # filled in when it is opened


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_open_card_says_everything_and_leads_into_the_labs(case: Any, language: Any) -> None:
    page = open_page("cases", lang=language, q=case.name)
    assert not page.exception
    assert len(page.expander) == 1
    told = words(page).replace("\\", "")
    for text in (case.look, case.cause, case.cure):
        assert translator(language)(text).replace("\\", "") in told
    for thread in case.threads:
        assert thread.url in told
    labels = [link.proto.label for link in page.get("page_link")]
    assert len(set(labels)) == len(labels) == len([link for link in case.links if lab_of(link)])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_card_leads_to_those_that_it_is_easily_taken_for(language: Any) -> None:
    page = open_page("cases", lang=language, q="test_time_batches")
    page.button(key="near:test_time_batches:eval_differs").click().run()
    assert not page.exception
    _ = translator(language)
    symptoms = {_(case.symptom): case.name for case in CASES}
    assert symptoms[page.expander[0].label.replace("\\", "")] == "eval_differs"
    assert page.button(key="near:eval_differs:test_time_batches").label.replace("\\", "") in symptoms


@pytest.mark.parametrize("query", ["NaN", "批大小为 1", "mmsegmentation", "5406", ERROR])
def test_a_search_shows_the_best_card_first_and_open(query: str) -> None:
    page = open_page("cases", lang="en", q=query)
    assert not page.exception
    expected = search(page.session_state["visit"].search)
    assert shown(page) == [case.name for case in expected]
    told = words(page).replace("\\", "")
    assert expected[0].cure in told
    assert all(case.cure not in told for case in expected[1:])


def test_a_pasted_error_is_kept_whole_and_the_link_gets_a_part() -> None:
    page = open_page("cases", lang="en")
    page.text_input(key="cases:q").set_value(ERROR * 4).run()
    assert not page.exception
    assert shown(page)[0] == "batch_of_one"
    assert page.session_state["visit"].search == ERROR * 4
    (share,) = [element for element in page.get("bidi_component") if "qr" in str(element.proto)]
    assert ERROR not in str(share.proto)
    assert len(ERROR) > LONGEST_LINK


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_examples_find_something(example: str, language: Any) -> None:
    assert 0 < len(search(translator(language)(example))) < len(CASES)


def test_typing_and_the_buttons_search_and_all_brings_everything_back() -> None:
    page = open_page("cases", lang="en")
    page.text_input(key="cases:q").set_value("bias").run()
    assert not page.exception
    assert shown(page)[0] == "redundant_bias"
    page.button(key="cases:NaN").click().run()
    assert shown(page)[0] == "poisoned"
    page.switch_page("../../pages/layer.py").run()
    page.switch_page("../../pages/cases.py").run()
    assert shown(page)[0] == "poisoned"
    page.button(key="cases:all").click().run()
    assert len(shown(page)) == len(CASES)


def test_the_home_page_hands_over_what_was_pasted() -> None:
    page = open_page("home", lang="en")
    page.text_input(key="home:q").set_value(ERROR).run()
    assert not page.exception
    assert page.session_state["visit"].search == ERROR
    assert shown(page)[0] == "batch_of_one"


@pytest.mark.parametrize(
    "query",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "https://evil.example/login www.evil.example a@evil.example",
        "$\\frac{1}{0}$",
        ":red[x]",
        "a\x00b\nc",
        "%" * 5000,
        "🙂",
        "{query}",
        "*" * 70,
    ],
)
def test_hostile_searches_leave_the_page_standing_and_are_not_repeated_on_it(query: str) -> None:
    page = open_page("cases", lang="en", q=query)
    assert not page.exception
    assert len(page.session_state["visit"].search) <= LONGEST_QUERY
    assert page.session_state["visit"].search.isprintable()
    told = words(page)
    for part in ("<script>", "javascript", "evil", "frac", ":red"):
        assert part not in told


def test_a_card_opens_the_picture_without_the_question_and_other_labs_still_ask() -> None:
    page = open_page("cases", lang="en")
    page.switch_page("../../pages/layer.py")
    page.query_params["mode"] = "eval"
    page.query_params["predict"] = "0"
    page.run()
    assert not page.exception
    assert control(page, "layer:view:en").value == "picture"
    assert page.session_state["visit"].labs["layer"].settings.mode == "eval"
    assert page.session_state["visit"].predict
    page.query_params.clear()
    page.switch_page("../../pages/running_stats.py").run()
    with pytest.raises(KeyError):
        control(page, "running_stats:view:en")


def test_the_last_lab_leads_here() -> None:
    page = open_page("folding", lang="en", predict="0")
    label = page.get("page_link")[-1].proto.label
    assert "Where does it come from" in label
