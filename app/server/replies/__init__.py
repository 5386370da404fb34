"""What a model writes, taken apart for programs: thought, answer, calls of tools, tokens."""
