"""Texts that are held to a grammar: what may come next, and which grammars are followed."""
