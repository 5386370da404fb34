"""What the local server says: to programs that ask it, and to whoever starts it."""
