"""Personas, and how turns are written: chosen, saved and edited."""
