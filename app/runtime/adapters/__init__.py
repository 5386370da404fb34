"""LoRA and its kin, merged into a model's tensors while they are read.

An adapter changes the weights of one very model, and only linearly: merged once, before anything
is quantised, it costs nothing per token.
"""
