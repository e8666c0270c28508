"""`bnviz.labs.noise`: its topics, each imported when it is asked for."""

from bnviz.teaching import public_face

__getattr__, __dir__ = public_face.of_lab(__name__, __path__[0])
