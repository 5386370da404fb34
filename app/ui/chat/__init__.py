"""Talking with a model: conversations, the transcript, the composer, how replies are made."""
