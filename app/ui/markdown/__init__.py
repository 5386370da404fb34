"""Markdown as blocks, and blocks as documents; knows no conversation."""
