"""The lab `folding`: one question."""

from __future__ import annotations

from typing import Final

from bnviz.labs.folding.lesson import TOPIC
from bnviz.teaching.lab import Lab

LAB: Final = Lab(name="folding", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
