"""Measurements against others, run by hand: each prints a Markdown table of one run's ratios."""
