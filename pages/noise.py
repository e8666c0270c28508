from bnviz.labs.noise.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
