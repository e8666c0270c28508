from bnviz.labs.folding.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
