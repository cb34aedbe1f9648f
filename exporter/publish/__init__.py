"""What users meet: metrics, pages, terminal output, all from the same reports."""
