"""What the topics of the lab `modes` have in common."""
