"""The Models page: what is on this machine, and what each file is."""
