"""What to change, in an order that locks nobody out."""
