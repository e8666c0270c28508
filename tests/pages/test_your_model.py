"""The page "Your model": the exercise, findings and their links, uploads kind and hostile, the link, a file that is followed."""

from __future__ import annotations

import ast
import builtins
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from torch import nn

from benchmarks.fuzz import READ
from benchmarks.hostile import MARK
from bnviz.i18n import closed_up, translator
from bnviz.inspect import example, links, rules, watch
from bnviz.inspect.figures import growth_conditions, growth_words
from bnviz.inspect.frames import MAGIC, frames, packed, whole_frames
from bnviz.inspect.growth import ABSENCES, Row, growth_of, row_of
from bnviz.inspect.recording import QUANTITIES, ROW_ARRAYS, read
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.course import LABS
from bnviz.ui import recordings
from bnviz.ui.your_model import QUESTION
from tests.inspect.models import net, trained
from tests.pages.test_pages import open_page, words

RULES = sorted(Path(rules.__file__).parent.glob("[!_]*.py"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A healthy training's recording."""
    path = tmp_path_factory.mktemp("run") / "run.bnviz"
    with watch(model := net(), path, budget=1e9):
        trained(model, 60)
    return path.read_bytes()


@pytest.fixture
def followed(data: bytes, tmp_path: Path) -> Iterator[Path]:
    """A file that the server was told to show; the training has written half of it."""
    path = tmp_path / "run.bnviz"
    path.write_bytes(data[: len(data) // 2])
    recordings.follow(path)
    yield path
    recordings.follow(None)


def pictures(page: AppTest) -> list[str]:
    """The components on the page, as they are sent."""
    return [str(element.proto) for element in page.get("bidi_component")]


def state(page: AppTest) -> Any:
    return page.session_state["visit"].model


def query(page: AppTest) -> dict[str, str]:
    """The query of the page's link."""
    (share,) = [text for text in pictures(page) if "qr.svg" in text]
    link = (
        share.split('\\"query\\":', 1)[1].split('\\"')[1]
        if '\\"query\\":' in share
        else share.split('"query"', 1)[1].split('"')[1]
    )
    return dict(parse_qsl(link))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_exercise_asks_before_the_list_is_shown(language: Any) -> None:
    page, _ = open_page("your_model", lang=language), translator(language)
    assert not page.exception
    assert _(QUESTION) in words(page)
    assert page.button(key="your_model:check").disabled
    assert not page.expander
    told = words(page)
    assert all(_(reason) not in told for reason in example.PLANTED.values())
    page.button_group(key="your_model:guess").set_value(["block2.norm", "block3.norm"]).run()
    page.button(key="your_model:check").click().run()
    assert not page.exception
    told = words(page)
    assert all(_(reason) in told for reason in example.PLANTED.values())
    verdict, *cards = [card.label for card in page.expander]
    assert verdict == " ".join(
        (
            _("You found {found} of {all}.").format(found=1, all=3),
            _("Nothing was planted in {layers}.").format(layers="block3.norm"),
        )
    )
    assert len(cards) == len(read(example.PATH).findings)
    page.button(key="your_model:ask").click().run()
    assert page.button(key="your_model:check")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_findings_stand_with_evidence_cause_cure_and_links(language: Any) -> None:
    page = open_page("your_model", lang=language, predict="0")
    assert not page.exception
    (finding, *_rest) = read(example.PATH).findings
    told = words(page).replace("\\", "")
    for text in (finding.rule, finding.evidence(language), finding.cause.text(language), finding.cure.text(language)):
        assert text in told
    (lab,) = [link.proto for link in page.get("page_link") if "modes" in link.proto.page]
    assert dict(parse_qsl(lab.query_string)) == {**dict(parse_qsl(urlsplit(finding.link).query)), "predict": "0"}


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_link_brings_the_state_back(quantity: str) -> None:
    page = open_page("your_model", lang="en", predict="0", quantity=quantity, layer="block3.norm", step="100")
    assert not page.exception
    assert not page.warning
    assert page.selectbox(key="your_model:quantity:en").value == quantity
    assert page.selectbox(key="your_model:layer:en").value == "block3.norm"
    assert query(page).items() >= {"layer": "block3.norm", "step": "100"}.items()
    assert query(page).get("quantity", "gap") == quantity


def test_nonsense_in_a_link_is_named_and_the_rest_kept() -> None:
    page = open_page("your_model", lang="en", predict="0", quantity="<b>", layer="nobody", source="disk", step="-1")
    assert not page.exception
    (warning,) = page.warning
    for word in ("quantity", "nobody", "source"):
        assert word in warning.value
    assert page.selectbox(key="your_model:quantity:en").value == "gap"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_recording_is_sent_and_an_empty_list_says_what_was_looked_at(data: bytes, language: Any) -> None:
    page = open_page("your_model", lang=language, source="upload")
    assert not page.exception
    assert "bnviz.watch" in str(pictures(page))
    page.file_uploader[0].set_value(("run.bnviz", data, "application/octet-stream")).run()
    assert not page.exception
    assert not page.error
    _ = translator(language)
    assert read(data).findings == ()
    assert _("Nothing found. Every rule was checked on all layers.") in [box.value for box in page.success]
    assert read(data).report().summary(language).replace("\\", "") in words(page).replace("\\", "")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_gradient_of_a_row_stands_beside_theory(language: Any, tmp_path: Path) -> None:
    with watch(net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU()), tmp_path / "run", budget=1e9) as watcher:
        trained(watcher._model, 20)
    data, _ = (tmp_path / "run").read_bytes(), translator(language)
    page = open_page("your_model", lang=language, source="upload")
    page.file_uploader[0].set_value(("run.bnviz", data, "application/octet-stream")).run()
    assert not page.exception
    recording = read(data)
    row = row_of(recording, "", int(recording.step[-1]))
    assert isinstance(row, Row)
    growth = growth_of(recording, row)
    assert growth.step > 1
    told = closed_up(f"{growth_words(growth, _)} {growth_conditions(growth, _)}")
    assert told in [text.value for text in page.caption]
    assert any("bnviz-gradient_growth" in text for text in pictures(page))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_theory_does_not_apply_a_sentence_says_why(language: Any) -> None:
    page = open_page("your_model", lang=language, predict="0")
    assert translator(language)(ABSENCES["convolution"]) in words(page)
    assert not any("gradient_growth" in text for text in pictures(page))


@pytest.mark.parametrize(
    "sent",
    [b"", b"hello", b"bnviz\x00\x02\n", b"bnviz\x00\x01\n" + b"\xff" * 5000],
    ids=["empty", "text", "version", "noise"],
)
def test_a_hostile_file_gets_one_sentence(sent: bytes) -> None:
    page = open_page("your_model", lang="zh", source="upload")
    page.file_uploader[0].set_value(("<b>x</b>.bnviz", sent, "application/octet-stream")).run()
    assert not page.exception
    (error,) = page.error
    assert "<b>" not in error.value


def test_what_a_file_calls_its_layers_is_text_on_every_button() -> None:
    begin = next(frames(example.PATH.read_bytes()))
    layers = [layer | {"name": f"${MARK}$ {place}"} for place, layer in enumerate(begin.head["layers"])]
    head = {key: value for key, value in begin.head.items() if key not in {"kind", "arrays"}} | {"layers": layers}
    _, end = next(whole_frames(example.PATH.read_bytes()))
    sent = MAGIC + packed(begin.kind, head, {}) + example.PATH.read_bytes()[end:]
    page = open_page("your_model", lang="en", source="upload")
    page.file_uploader[0].set_value(("a.bnviz", sent, "application/octet-stream")).run()
    assert not page.exception
    labels = [button.label for button in page.button if MARK in button.label]
    assert labels
    assert not any(READ["LaTeX"].search(label) for label in labels)


@pytest.mark.parametrize(("layers", "looks"), [(200, 20), (2000, 1)])
def test_a_recording_counts_for_what_it_takes_in_memory(layers: int, looks: int) -> None:
    """Looks at many layers are small in a file and large once they are unpacked."""
    begin = next(frames(example.PATH.read_bytes()))
    one = begin.head["layers"][0]
    rows = {name: ("u1", np.ones(layers)) for name in ROW_ARRAYS}
    sent = MAGIC + packed(
        "model", {"model": "M", "layers": [one | {"name": str(place)} for place in range(layers)]}, {}
    )
    for step in range(looks):
        sent += packed("look", {"step": step, "seconds": float(step), "training": True}, rows)
    tracemalloc.start()
    try:
        recording = read(sent)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 0.5 * taken < recordings._weight(recording) < 4 * taken


def test_a_file_larger_than_allowed_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "read", lambda *_: pytest.fail("parsed"))
    with pytest.raises(ValueError, match="bnviz view"):
        recordings.uploaded("x", b"\0" * (recordings.MAX_MEGABYTES * 2**20 + 1))


def test_a_followed_file_is_shown_first_and_its_growth_is_seen(followed: Path, data: bytes) -> None:
    page = open_page("your_model", lang="en")
    assert not page.exception
    assert translator("en")("The training has not finished.") in words(page)
    steps = [str(read(followed).step[-1]), str(read(data).step[-1])]
    assert f"optimizer steps {steps[0]}" in words(page).replace("\\", "")
    followed.write_bytes(data)
    page.run()
    assert not page.exception
    assert f"optimizer steps {steps[1]}" in words(page).replace("\\", "")
    assert translator("en")("The training has not finished.") not in words(page)


def test_a_file_that_is_still_to_come_is_waited_for(followed: Path, data: bytes) -> None:
    followed.unlink()
    page = open_page("your_model", lang="en")
    assert not page.exception
    assert "Cannot read" in page.error[0].value
    followed.write_bytes(data)
    page.run()
    assert not page.error


class Number(float):
    """Stands for whatever a rule puts into a link: the numbers of a model."""

    def __getattr__(self, name: str) -> Number:
        return Number({"batch_size": 24, "momentum": 0.05}.get(name, 0.25))

    def __getitem__(self, key: object) -> Number:
        return self


def _links() -> Iterator[tuple[str, str]]:
    """Every link that a rule makes: the expression in its file, at the numbers of some model."""

    class Anything(dict[str, Any]):
        def __missing__(self, key: str) -> Number:
            if key == "links" or hasattr(builtins, key):
                raise KeyError(key)
            return Number({"count": 300, "part": 16, "size": 24, "n": 24}.get(key, 0.25))

    for path in RULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "links.link":
                yield (
                    path.stem,
                    eval(compile(ast.Expression(node), path.name, "eval"), {"links": links}, Anything()),
                )


LINKS = list(_links())


def test_every_rule_links_into_a_lab_and_to_a_case_that_exist() -> None:
    assert {rule for rule, _ in LINKS} == {path.stem for path in RULES}
    cases = {case.name for case in CASES}
    for path in RULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "case" and isinstance(node.value, ast.Constant):
                assert node.value.value in {*cases, None}, path.stem
    for rule, link in LINKS:
        address = urlsplit(link)
        lab = next((lab for lab in LABS if f"/{lab.name}" == address.path), None)
        assert lab is not None, rule
        _topic, _settings, problems = lab.from_query(dict(parse_qsl(address.query)))
        assert [problem.text() for problem in problems] == [], rule


@pytest.mark.parametrize("link", sorted({link for _, link in LINKS}))
def test_the_lab_of_every_finding_opens(link: str) -> None:
    address = urlsplit(link)
    page = open_page(address.path.strip("/"), lang="en", **dict(parse_qsl(address.query)))
    assert not page.exception
    assert not page.warning
    # A batch of one is refused by PyTorch: that is what the link shows, but where each image brings many values.
    assert bool(page.error) == (link.endswith("batch_size=1") and "topic=statistics" not in link)


def test_what_is_chosen_last_counts_however_soon_it_is_checked() -> None:
    page = open_page("your_model", lang="en")
    page.button_group(key="your_model:guess").set_value(list(example.PLANTED)[:2]).run()
    page.button_group(key="your_model:guess").set_value(list(example.PLANTED))
    page.button(key="your_model:check").click().run()  # both come with one request
    assert not page.exception
    assert page.expander[0].label == "You found 3 of 3."
