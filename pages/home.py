"""The course at a glance."""

from bnviz.ui import home

home.show()
