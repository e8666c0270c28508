"""What the topics of the lab `noise` have in common."""
