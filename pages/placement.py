from bnviz.labs.placement.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
