"""What the model sees of a text: its tokens, the exact prompt, the state."""
