"""One module a verb: what it does with its options, and what it prints."""
