"""What the topics of the lab `batch_size` have in common."""
