"""The experiments: `Settings` → `run()` → `Result`, one module per lab. Tensors stop here."""
