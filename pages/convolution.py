from bnviz.lessons.convolution import LESSON
from bnviz.ui import lab

lab.show(LESSON)
