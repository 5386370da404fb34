"""What is kept between starts: conversations, settings, folders; knows SQLite, not Qt."""
