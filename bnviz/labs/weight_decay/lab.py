"""The lab `weight_decay`: one question."""

from __future__ import annotations

from typing import Final

from bnviz.labs.weight_decay.lesson import TOPIC
from bnviz.teaching.lab import Lab

LAB: Final = Lab(name="weight_decay", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
