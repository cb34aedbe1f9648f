"""Which certificate a client uses and sends next, and what the server makes of it."""
