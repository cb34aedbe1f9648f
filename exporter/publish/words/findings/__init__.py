"""The sentence for each finding."""
