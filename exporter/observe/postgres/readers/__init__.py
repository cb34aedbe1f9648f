"""One module for each thing that is read from a server: its SQL, and what its rows mean."""
