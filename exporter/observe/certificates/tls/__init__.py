"""TLS handshakes: the certificates that are served, and what a client makes of them."""
