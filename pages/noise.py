from bnviz.labs.noise.lab import LESSON
from bnviz.ui import lab

lab.show(LESSON)
