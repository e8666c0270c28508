from bnviz.labs.builder.lesson import LESSON
from bnviz.ui import lab

lab.show(LESSON)
