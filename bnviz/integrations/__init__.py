"""`bnviz.watch` in other libraries' training loops: a module per library, which it imports and bnviz does not require."""
