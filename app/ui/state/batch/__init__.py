"""Batches in the window: rows of files through the open model, and what is kept of them."""
