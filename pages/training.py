from bnviz.labs.training.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
