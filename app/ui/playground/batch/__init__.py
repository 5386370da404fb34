"""Rows of a file through the model: set up, tried, run and looked at."""
