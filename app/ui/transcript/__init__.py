"""The messages of a conversation as a virtual list, and all its rows."""
