"""Which strategy a model gets on this machine, and what it takes; loads no model."""
