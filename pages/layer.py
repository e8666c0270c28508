from bnviz.labs.layer.lesson import LESSON
from bnviz.ui import lab

lab.show(LESSON)
