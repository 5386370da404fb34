"""Verbs that run many texts: rows of a file, or one text through two models."""
