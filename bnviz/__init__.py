"""bnviz: the laboratory for batch normalization."""
