"""The lab `modes`: train mode and eval mode."""
