from bnviz.labs.gradient_flow.lesson import LESSON
from bnviz.ui import lab

lab.show(LESSON)
