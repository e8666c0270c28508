"""One file per card: its text and its reproduction in plain PyTorch. A new file here is a new card."""
