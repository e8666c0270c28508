"""Pictures that several labs show: error curves over seeds, paired differences, claims with their intervals."""
