"""Which family a model belongs to, and how its prompts are written; knows no tokens."""
