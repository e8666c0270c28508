"""The lab `gradient_flow`: one question."""

from __future__ import annotations

from typing import Final

from bnviz.labs.gradient_flow.lesson import TOPIC
from bnviz.teaching.lab import Lab

LAB: Final = Lab(name="gradient_flow", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
