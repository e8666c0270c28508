"""The lab `adaptation`: one question."""

from __future__ import annotations

from typing import Final

from bnviz.labs.adaptation.lesson import TOPIC
from bnviz.teaching.lab import Lab

LAB: Final = Lab(name="adaptation", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
