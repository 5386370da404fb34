"""The States page: named states, what they belong to, and what is done with them."""
