"""What models write beside each other."""
