"""Models measured on this machine, for the command line and for the window."""
