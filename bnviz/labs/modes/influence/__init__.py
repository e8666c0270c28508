"""The topic `influence` of the lab `modes`."""
