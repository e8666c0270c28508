from bnviz.labs.batch_size.lab import LESSON
from bnviz.ui import lab

lab.show(LESSON)
