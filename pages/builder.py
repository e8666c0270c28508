from bnviz.lessons.builder import LESSON
from bnviz.ui import lab

lab.show(LESSON)
