"""The lab `devices`: one question."""

from __future__ import annotations

from typing import Final

from bnviz.labs.devices.lesson import TOPIC
from bnviz.teaching.lab import Lab

LAB: Final = Lab(name="devices", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
