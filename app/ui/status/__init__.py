"""The strip at the window's foot: which model is open, what it costs, how fast it writes."""
