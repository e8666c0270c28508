"""`bnviz.labs.modes.backward`: `Settings`, `Result`, `run` and the figures of this topic, imported when they are asked for."""

from bnviz.teaching import public_face

__getattr__, __dir__ = public_face.of_topic(__name__)
