"""The topic `poison` of the lab `modes`."""
