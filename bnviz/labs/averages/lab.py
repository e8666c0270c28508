"""The lab `averages`: one question."""

from __future__ import annotations

from typing import Final

from bnviz.labs.averages.lesson import TOPIC
from bnviz.teaching.lab import Lab

LAB: Final = Lab(name="averages", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
