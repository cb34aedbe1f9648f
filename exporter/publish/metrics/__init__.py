"""The families of metrics, their exposition, and the reference page."""
