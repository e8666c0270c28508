from bnviz.labs.layer.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
