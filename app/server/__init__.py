"""The local server: programs ask the open model over HTTP; knows no window and no terminal."""
