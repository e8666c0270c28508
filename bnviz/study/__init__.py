"""What every experiment needs: comparisons, verdicts, courses over seeds, cost, live updates and shipped results."""
