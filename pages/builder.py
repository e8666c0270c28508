from bnviz.labs.builder.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
