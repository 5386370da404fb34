"""Downloads as state and signals, and the page that shows them."""
