from bnviz.labs.devices.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
