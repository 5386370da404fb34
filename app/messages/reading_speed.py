"""How fast a model writes, beside how fast a person reads."""

_SLOWER, _FASTER = 4.5, 9.0  # tokens a second around those that people read


def reading_in_words(tokens_per_s: float) -> str:
    """``about as fast as you read`` and the like; "" where no speed is known."""
    if tokens_per_s <= 0:
        return ""
    if tokens_per_s < _SLOWER:
        return "slower than you read"
    if tokens_per_s < _FASTER:
        return "about as fast as you read"
    return "faster than you read"
