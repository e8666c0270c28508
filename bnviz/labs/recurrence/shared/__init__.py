"""What the topics of the lab `recurrence` have in common."""
