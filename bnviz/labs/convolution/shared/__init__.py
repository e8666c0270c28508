"""What the topics of the lab `convolution` have in common."""
