"""Rows of a file through a prompt template, as one job that can be gone on with."""
