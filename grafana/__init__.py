"""The dashboard, and what makes it."""
