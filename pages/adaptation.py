from bnviz.labs.adaptation.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
