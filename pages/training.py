from bnviz.labs.training.lab import LESSON
from bnviz.ui import lab

lab.show(LESSON)
