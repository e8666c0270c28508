from bnviz.labs.batch_size.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
