"""The Downloads page: the queue as cards."""
