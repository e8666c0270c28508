from bnviz.lessons.layer import LESSON
from bnviz.ui import lab

lab.show(LESSON)
