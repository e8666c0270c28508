from bnviz.labs.recurrence.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
