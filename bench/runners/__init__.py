"""One engine each, in a process of its own that waits for orders; ``serving`` has the orders."""
