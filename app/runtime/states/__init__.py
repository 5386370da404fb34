"""What a model remembers of the texts it runs: in memory, in files, on a GPU."""
