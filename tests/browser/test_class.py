"""Lessons in real browsers: a teacher and students go through every plan from start to end, nobody helping."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from bnviz.classroom.plans import Plan, Step, plans
from bnviz.i18n import translator
from bnviz.labs.course import LABS
from bnviz.ui import lesson_plans
from tests.browser.conftest import Visit
from tests.browser.pages import Finding, violations
from tests.waiting import wait

FOLDER = os.environ.get("BNVIZ_CLASS_PICTURES", "")
"""Where pictures of the teacher's and the students' screens are put at each step; empty: nowhere."""
PLANS = plans()
FIRST = "from_zero"
STUDENTS = 3
"""In the first plan; two in the others, whose steps are what is new."""
PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
THUMB = 44  # CSS pixels
PAINTED = ".st-key-picture [data-painted-digest]"


class Lesson:
    """Everybody's screens."""

    def __init__(self, visit: Visit, plan: Plan, students: int) -> None:
        self.visit, self.plan, self.many = visit, plan, students
        self.teacher = visit("classroom?lang=en")
        self.teacher.get_by_role("button", name="Start a class").click()
        self.code = self.teacher.locator("p.code").inner_text()
        self.students: list[Page] = []
        self.barriers: dict[Finding, str] = {}

    def join(self) -> None:
        """The students come one after another, one of them reading Chinese."""
        for number in range(self.many):
            language = "zh" if number == 1 else "en"
            self.students.append(self.visit(f"layer?class={self.code}&lang={language}", **PHONE))
        expect(self.teacher.locator("p.count")).to_have_text(f"Students here: {self.many}")

    def everybody(self, selector: str, text: str = "") -> None:
        """Wait until it stands on every student's screen."""
        for student in self.students:
            expect(student.locator(selector).filter(has_text=text).first).to_be_visible()

    def press(self, name: str) -> None:
        """What the teacher presses."""
        self.teacher.get_by_role("button", name=name, exact=True).first.click()

    def barrier_free(self) -> None:
        """Note what axe finds wrong for the teacher and on a phone, in a lesson of which everything is on screen."""
        if self.plan.name == FIRST:
            for page in (self.teacher, self.students[1]):
                self.barriers |= violations(page)

    def picture(self, name: str) -> None:
        """Keep how teacher and two students see it, if that is wanted."""
        if FOLDER:
            for who, page in {"teacher": self.teacher, "phone": self.students[0], "chinese": self.students[1]}.items():
                page.screenshot(path=str(Path(FOLDER) / f"{name}-{who}.png"))

    def answers(self, choices: Sequence[int]) -> None:
        """Everybody votes."""
        for student, choice in zip(self.students, choices, strict=True):
            button = student.locator("button.option").nth(choice)
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= THUMB
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= PHONE["width"]
            button.tap()
            expect(button).to_have_attribute("aria-pressed", "true")


def title(step: Step) -> str:
    """What a student's page says where the step is."""
    return next(lab for lab in LABS if lab.name == step.link.page).topic(step.link.query.get("topic", "")).question


def go(lesson: Lesson, index: int, step: Step) -> Locator:
    """The teacher goes to a step with one touch, and the class follows."""
    row = lesson.teacher.locator("ol.steps > li").nth(index)
    row.get_by_role("button", name="Go", exact=True).click()
    expect(row).to_have_class("now")
    for number, student in enumerate(lesson.students):
        heading = translator("zh" if number == 1 else "en")(title(step))
        expect(student.locator("h1").filter(has_text=heading)).to_be_visible()
    return row


def vote(lesson: Lesson, step: Step) -> None:
    """Two rounds, who moved, and the answer on every screen."""
    question = lesson_plans.question(step)
    assert question is not None
    options, right, many = len(question["options"]), question["correct"], lesson.many
    first = [(right + number) % options for number in range(many)]
    lesson.everybody("button.option")
    lesson.barrier_free()
    expect(lesson.students[0].locator(".st-key-picture")).to_be_hidden()
    expect(lesson.students[0].locator(".unseen[role=status]").first).to_contain_text(question["text"]["en"])
    lesson.answers(first)
    expect(lesson.teacher.locator(".votes")).to_contain_text(f"Votes: {many} of {many}")
    assert lesson.teacher.locator(".bars").count() == 0  # how many have voted, not what
    lesson.press("Vote again")
    for student in lesson.students:
        expect(student.locator("button.option[aria-pressed=true]")).to_have_count(0)
    sleeper = lesson.students[many // 2]
    sleeper.reload()  # a phone that goes to sleep comes back to the same class and vote
    expect(sleeper.locator("button.option").first).to_be_visible()
    second = [right] * (many - 1) + [first[-1]]
    lesson.answers(second)
    expect(lesson.teacher.locator(".votes")).to_contain_text(f"{many} → {many}")
    lesson.press("Show the votes")
    lesson.everybody(".bars")
    moved = lesson.teacher.locator("table tr").nth(1 + first[1]).locator("td")
    expect(moved.nth(second[1])).to_have_text(
        str(sum(pair == (first[1], second[1]) for pair in zip(first, second, strict=True)))
    )
    lesson.picture("votes")
    lesson.barrier_free()
    lesson.press("Show the answer")
    lesson.everybody(".option.right")
    lesson.everybody(PAINTED)


def one_round(lesson: Lesson, index: int, row: Locator, step: Step) -> None:
    """A question of the plan's own: asked, voted on once, answered."""
    row.get_by_role("button", name="Ask the question").click()
    question = lesson_plans.question(step)
    assert question is not None
    if question["kind"] == "number":
        lesson.everybody(".number select")
        for number, student in enumerate(lesson.students):  # one takes another number than the rest
            chooser = student.locator(".number select")
            values = [
                value for value in chooser.locator("option").evaluate_all("all => all.map((one) => one.value)") if value
            ]
            chooser.select_option(values[0 if number == 0 else 1])
            student.locator(".number button").tap()
        expect(lesson.teacher.locator(".votes")).to_contain_text(f"{lesson.many} of {lesson.many}")
        lesson.press("Show the votes")
        lesson.everybody(".histogram .column")
        bars = lesson.teacher.locator(".histogram .column .bar")
        counts = sorted(["1", str(lesson.many - 1)])
        wait(lambda: sorted(text for text in bars.all_inner_texts() if text not in {"", "0"}) == counts)
    else:
        lesson.everybody("button.option")
        lesson.answers([question["correct"] or 0] * lesson.many)
        expect(lesson.teacher.locator(".votes")).to_contain_text(f"{lesson.many} of {lesson.many}")
    if question["correct"] is None:  # an opinion
        lesson.press("Show the votes")
        lesson.everybody(".bars")
        return
    lesson.press("Show the answer")
    lesson.everybody(".right")
    lesson.picture(f"step{index + 1}-answer")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "plan",
    [pytest.param(plan, id=plan.name, marks=[] if plan.name == FIRST else pytest.mark.pages) for plan in PLANS],
)
def test_a_lesson_from_start_to_end(visit: Visit, streamlits_own: Callable[[], set[Finding]], plan: Plan) -> None:
    first = plan.name == FIRST
    lesson = Lesson(visit, plan, STUDENTS if first else 2)
    assert "#" not in lesson.teacher.url
    lesson.join()
    lesson.picture("joined")
    lesson.press(f"{plan.title.en} · {plan.minutes} min")
    expect(lesson.teacher.locator("ol.steps > li")).to_have_count(len(plan.steps))
    if first:
        lesson.press("3 min")
        for student in lesson.students:
            expect(student.locator(".timer")).to_contain_text(":")
    for index, step in enumerate(plan.steps):
        row = go(lesson, index, step)
        lesson.picture(f"step{index + 1}")
        if step.question is None:
            lesson.everybody(PAINTED)
        elif step.question.kind == "prediction":
            vote(lesson, step)
        else:
            one_round(lesson, index, row, step)
    if first:
        own_way(lesson)
        lead(lesson)
        own = streamlits_own() if lesson.barriers else set()
        assert {finding: html for finding, html in lesson.barriers.items() if finding not in own} == {}
    lesson.press("End the class")
    lesson.press("Really end it?")
    for student, sentence in zip(lesson.students, ("The class is over.", "这节课已经结束。"), strict=False):
        expect(student.locator(".told")).to_have_text(sentence)


def lead(lesson: Lesson) -> None:
    """What the teacher moves on the page moves for everybody who follows."""
    lesson.press("Open here")
    slider = lesson.teacher.get_by_role("slider", name="Batch size")
    slider.focus()
    slider.press("ArrowRight")
    for student in lesson.students:
        expect(student).to_have_url(re.compile("batch_size=12"))
    lesson.press("Class page")


def own_way(lesson: Lesson) -> None:
    """Who moves a slider is left alone, and comes back with one touch."""
    wanderer, follower = lesson.students[0], lesson.students[-1]
    for student in (wanderer, follower):
        expect(student.locator(".told")).to_have_text("You follow the class.")
    slider = wanderer.get_by_role("slider", name="Batch size")
    slider.focus()
    slider.press("ArrowRight")
    expect(wanderer.locator(".told")).to_have_text("You are on your own.")
    lesson.teacher.locator("ol.steps > li").nth(4).get_by_role("button", name="Go", exact=True).click()
    expect(follower.locator("h1").filter(has_text=title(lesson.plan.steps[4]))).to_be_visible()
    expect(wanderer.locator("h1").filter(has_text=title(lesson.plan.steps[6]))).to_be_visible()
    wanderer.get_by_role("button", name="Follow the class").tap()
    expect(wanderer.locator("h1").filter(has_text=title(lesson.plan.steps[4]))).to_be_visible()
    lesson.picture("own-way")


@pytest.mark.pages
def test_the_teachers_link_opens_the_class_for_its_teacher_and_stays_in_the_browser(visit: Visit) -> None:
    teacher = visit("classroom?lang=en")
    teacher.get_by_role("button", name="Start a class").click()
    code = teacher.locator("p.code").inner_text()
    teacher.get_by_role("button", name="Copy the teacher's link").click()
    expect(teacher.locator(".note[role=status]")).to_have_text("Copied")
    before, secret = teacher.evaluate("navigator.clipboard.readText()").split("#teacher=")
    teacher.emulate_media(media="print")  # no plan to hand out, but the way into the class to hang up
    for shown in (teacher.locator("p.code"), teacher.locator("img.qr"), teacher.locator(".plans button").first):
        expect(shown).to_be_visible()
    for gone in (teacher.locator(".timers"), teacher.locator("p.count"), teacher.get_by_text("Whoever has the")):
        expect(gone).to_be_hidden()
    teacher.emulate_media(media="null")
    laptop = visit("cases")  # a page of the same server, so that all that is asked for can be noted
    asked: list[str] = []
    laptop.on("request", lambda request: asked.append(request.url))
    laptop.on("websocket", lambda socket: asked.append(socket.url))
    laptop.goto(f"{before}#teacher={secret}")
    expect(laptop.locator("p.code")).to_have_text(code)
    laptop.reload()
    laptop.get_by_role("button", name="1 min", exact=True).click()
    expect(teacher.locator(".timer")).to_contain_text(":")
    assert secret not in laptop.url
    assert asked
    assert not any(secret in url for url in asked)
    phone = visit("classroom?lang=en", **PHONE)
    phone.get_by_role("textbox", name="Class code").fill(code.replace("-", " ").upper())
    phone.get_by_role("button", name="Join").tap()
    expect(teacher.locator("p.count")).to_have_text("Students here: 1")
    guess = visit("classroom?class=zebra-1&lang=en", **PHONE)
    expect(guess.locator(".told")).to_contain_text("There is no class zebra-1")
