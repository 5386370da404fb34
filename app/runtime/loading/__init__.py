"""From a path to a model that computes rightly, on a GPU or the processor."""
