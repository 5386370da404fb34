"""Where a conversation begins: a named state, chosen at its words."""
