from bnviz.labs.convolution.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
