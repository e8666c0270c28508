from bnviz.labs.weight_decay.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
