"""What an argument of the command line may be: numbers, token ids, texts; else a usage error."""

import argparse
import math
from collections.abc import Callable

from app.messages.translate import tr

_INT64 = 2**63


def count(least: int) -> Callable[[str], int]:
    """Whole numbers from ``least`` on."""

    def whole(text: str) -> int:
        value = int(text)
        if not least <= value < _INT64:
            raise argparse.ArgumentTypeError(
                tr("{text} is not a number from {least} on").format(text=text, least=least)
            )
        return value

    whole.__name__ = "whole number"
    return whole


def number(least: float, most: float) -> Callable[[str], float]:
    """Numbers from ``least`` to ``most``."""

    def within(text: str) -> float:
        value = float(text)
        if not (least <= value <= most and math.isfinite(value)):
            refusal = tr("{text} is not a number in {least} to {most}")
            if most == math.inf:
                refusal = tr("{text} is not a number in {least} or more")
            raise argparse.ArgumentTypeError(
                refusal.format(text=text, least=f"{least:g}", most=f"{most:g}")
            )
        return value

    within.__name__ = "number"
    return within


def token_ids(text: str) -> tuple[int, ...]:
    """Ids with commas between them."""
    tokens = tuple(int(part) for part in text.split(",")) if text.strip() else ()
    if any(abs(token) >= _INT64 for token in tokens):
        raise argparse.ArgumentTypeError(tr("a token id is too large"))
    return tokens


token_ids.__name__ = "list of token ids"


def bias(text: str) -> tuple[int, float]:
    """A token and what is added to its logit."""
    token, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(
            tr("{} is not a token id, =, and a number: 33=-1.5").format(text)
        )
    ids = token_ids(token)
    if len(ids) != 1:
        raise argparse.ArgumentTypeError(tr("{} does not begin with one token id").format(text))
    return ids[0], number(-1000, 1000)(value)


bias.__name__ = "token id, =, and number"


def sha256(text: str) -> str:
    """A hash in small letters."""
    digest = text.strip().lower()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise argparse.ArgumentTypeError(tr("a SHA-256 has 64 hexadecimal digits"))
    return digest


def plain_text(text: str) -> str:
    """Bytes on the command line that are not UTF-8 become U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
