"""Colours, type, icons and text formats from the theme's tokens; knows no page."""
