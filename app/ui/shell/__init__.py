"""The window and what it is made of: it builds everything, and knows every page."""
