"""Texts of the playground with all their versions, in the same file as the conversations."""
