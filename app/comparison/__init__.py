"""What several models, or one in several ways, make of the same texts; for window and terminal."""
