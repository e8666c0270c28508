"""The lab `layer`: one question."""

from __future__ import annotations

from typing import Final

from bnviz.labs.layer.lesson import TOPIC
from bnviz.teaching.lab import Lab

LAB: Final = Lab(name="layer", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
