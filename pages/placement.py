from bnviz.labs.placement.lesson import LESSON
from bnviz.ui import lab

lab.show(LESSON)
