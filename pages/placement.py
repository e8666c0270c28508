from bnviz.lessons.placement import LESSON
from bnviz.ui import lab

lab.show(LESSON)
