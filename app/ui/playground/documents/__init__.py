"""The documents of the playground as a list."""
