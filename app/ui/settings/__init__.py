"""The Settings page: the look, where models lie, what happens at start, and about the program."""
