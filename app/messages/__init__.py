"""Every sentence about what can go wrong, and amounts in words; knows no Qt."""
