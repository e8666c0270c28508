"""The lab `builder`: one question."""

from __future__ import annotations

from typing import Final

from bnviz.labs.builder.lesson import TOPIC
from bnviz.teaching.lab import Lab

LAB: Final = Lab(name="builder", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
