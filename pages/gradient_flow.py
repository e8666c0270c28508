from bnviz.labs.gradient_flow.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
