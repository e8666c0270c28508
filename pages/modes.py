from bnviz.lessons.modes import LESSON
from bnviz.ui import lab

lab.show(LESSON)
