"""Every sentence about what was judged."""
