"""The worker process, and how the window speaks to it."""
