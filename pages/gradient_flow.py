from bnviz.lessons.gradient_flow import LESSON
from bnviz.ui import lab

lab.show(LESSON)
