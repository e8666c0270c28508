from bnviz.labs.modes.lab import LESSON
from bnviz.ui import lab

lab.show(LESSON)
