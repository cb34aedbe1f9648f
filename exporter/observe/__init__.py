"""The doors to outside systems: what is read, as it was read."""
