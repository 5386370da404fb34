"""What verbs may be asked for: the kinds of arguments, and the options of those with many."""
