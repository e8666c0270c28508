"""What generated scripts and notebooks are made of."""
