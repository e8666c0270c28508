from bnviz.labs.averages.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
