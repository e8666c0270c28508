from bnviz.lessons.noise import LESSON
from bnviz.ui import lab

lab.show(LESSON)
