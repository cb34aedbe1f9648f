"""Which certificate a client uses and sends next, and whether the server accepts it."""
