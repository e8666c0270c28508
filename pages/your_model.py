from bnviz.ui import your_model

your_model.show()
