"""The topic `gap` of the lab `modes`."""
