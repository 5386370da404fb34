"""Named states on this disk: kept, made of texts that are read once, brought in from outside."""
