"""Lab: how fast do the running statistics find the truth, and how noisy do they stay?"""

from bnviz.labs.running_stats.lab import LAB
from bnviz.ui import lab

lab.show(LAB)
