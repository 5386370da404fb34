"""The branches of a conversation: beside each other, and as a map."""
