"""What the window knows of named states: the list, reading a text for one, and many questions."""
