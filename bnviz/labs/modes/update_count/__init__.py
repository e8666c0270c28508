"""The topic `update_count` of the lab `modes`."""
