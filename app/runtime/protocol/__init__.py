"""Every message between the window (or command line) and a worker; knows no process and no pipe."""
