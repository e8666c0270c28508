from bnviz.labs.recurrence.lab import LESSON
from bnviz.ui import lab

lab.show(LESSON)
