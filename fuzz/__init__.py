"""Coverage-guided fuzzing of what reads certificates: any bytes, never an exception."""
