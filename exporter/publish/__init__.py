"""The output for users: metrics, pages and terminal output, all from the same reports."""
