"""From bytes to certificates, revocation lists and names."""
