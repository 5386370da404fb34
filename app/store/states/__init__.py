"""What is kept of states: which a conversation begins from, and those of texts on this disk."""
