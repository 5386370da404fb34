"""What the window knows and does, as plain objects with signals; imports no widget."""
