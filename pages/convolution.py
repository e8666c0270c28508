from bnviz.labs.convolution.lab import LESSON
from bnviz.ui import lab

lab.show(LESSON)
