"""One poll as a file: written without secrets, read as hostile input, judged again."""
