"""The list of conversations at the left of the chat, and what can be done with them."""
