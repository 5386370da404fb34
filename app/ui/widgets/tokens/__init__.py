"""Text as the tokens that a model reads: laid out, painted, pointed at; knows no page."""
