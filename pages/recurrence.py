from bnviz.lessons.recurrence import LESSON
from bnviz.ui import lab

lab.show(LESSON)
