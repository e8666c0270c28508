from bnviz.ui import cases

cases.show()
