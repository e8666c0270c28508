from bnviz.lessons.batch_size import LESSON
from bnviz.ui import lab

lab.show(LESSON)
