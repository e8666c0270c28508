"""The class page."""

from bnviz.ui import class_page

class_page.show()
