from bnviz.lessons.training import LESSON
from bnviz.ui import lab

lab.show(LESSON)
