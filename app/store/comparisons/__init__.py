"""Comparisons of what models write, in the database of the conversations."""
