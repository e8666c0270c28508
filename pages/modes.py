from bnviz.labs.modes.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
