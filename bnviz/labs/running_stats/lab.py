"""The lab `running_stats`: one question."""

from __future__ import annotations

from typing import Final

from bnviz.labs.running_stats.lesson import TOPIC
from bnviz.teaching.lab import Lab

LAB: Final = Lab(name="running_stats", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
