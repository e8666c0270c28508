"""Lab: how fast do the running statistics find the truth, and how noisy do they stay?"""

from bnviz.lessons.running_stats import LESSON
from bnviz.ui import lab

lab.show(LESSON)
