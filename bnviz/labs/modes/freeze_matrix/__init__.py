"""The topic `freeze_matrix` of the lab `modes`."""
