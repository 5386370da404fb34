"""Plots with pyqtgraph, which brings NumPy along: imported when one is first shown, no sooner."""
