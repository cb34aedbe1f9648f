"""Steps to the best posture, in an order that locks out no client."""
