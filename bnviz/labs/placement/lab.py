"""The lab `placement`: one question."""

from __future__ import annotations

from typing import Final

from bnviz.labs.placement.lesson import TOPIC
from bnviz.teaching.lab import Lab

LAB: Final = Lab(name="placement", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
