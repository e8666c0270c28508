"""What the topics of the lab `training` have in common."""
