"""The topic `momentum_error` of the lab `modes`."""
