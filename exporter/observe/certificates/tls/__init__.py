"""TLS handshakes: the certificates that servers send, and whether clients accept them."""
