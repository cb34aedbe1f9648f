"""The words and lines for each step of a remedy."""
