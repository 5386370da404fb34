"""Whether token ids are those of a text, and how far; knows no template and no model."""

from typing import TYPE_CHECKING, NamedTuple

from app.runtime.protocol.token_spans import unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.runtime.protocol.prompts import Turn
    from app.runtime.tokenizers.tokenizer import Tokenizer


class Fit(NamedTuple):
    """``ids`` give the characters ``start`` to ``end`` of a text.

    ``cut``: they end inside a character, of which the text has nothing yet.
    """

    start: int
    end: int
    ids: tuple[int, ...]
    cut: bool = False


def fit_of(turn: "Turn", tokenizer: "Tokenizer", vocabulary: int) -> Fit | None:
    """As far as the known tokens of a turn give its text; None where they are of no use.

    That is where they belong to another vocabulary, are damaged, could not have been written
    (``vocabulary`` is how many rows the model has), or where the text is another one now.
    """
    span = turn.tokens
    if span is None or span.vocabulary != tokenizer.identity:
        return None
    try:
        ids = unpack(span.ids)
    except ValueError:
        return None
    impossible = tokenizer.end_tokens | tokenizer.never
    usable = ids and max(ids) < vocabulary and impossible.isdisjoint(ids)
    if not usable or not 0 <= span.start <= len(turn.text):
        return None
    fit = _fitted(ids, turn.text[span.start :], tokenizer)
    if not fit.ids:
        return None
    return fit._replace(start=span.start, end=span.start + fit.end)


def gives(ids: "Sequence[int]", text: str, tokenizer: "Tokenizer") -> bool:
    """Whether the text is what comes of these tokens; a cut character at their end may lack."""
    fit = _fitted(tuple(ids), text, tokenizer)
    return fit.end == len(text) and len(fit.ids) == len(ids)


def places(ids: "Sequence[int]", tokenizer: "Tokenizer") -> list[int]:
    """After each token, how many characters there are; -1 where one is cut."""
    decoder, length, found = tokenizer.decoder(), 0, []
    for token in ids:
        length += len(decoder.feed(token))
        found.append(-1 if decoder.holds else length)
    return found


def count_beyond(ends: "Sequence[int]", length: int) -> int:
    """How many tokens at the end give characters after the first ``length``, by their places."""
    count = 0
    while count < len(ends) and not 0 <= ends[-1 - count] <= length:
        count += 1
    return count


def held_by(ids: "Sequence[int]", tokenizer: "Tokenizer") -> tuple[int, ...]:
    """The tokens at the end that hold the bytes of a cut character."""
    size = 0
    for count, token in enumerate(reversed(ids), 1):
        size += len(tokenizer.token_bytes(token))
        if size >= 3:
            return tuple(ids[-count:])
    return tuple(ids)


def _fitted(ids: tuple[int, ...], text: str, tokenizer: "Tokenizer") -> Fit:
    """The longest beginning of ``ids`` that gives a beginning of ``text``, from character 0."""
    if tokenizer.decode(ids) == text:
        return Fit(0, len(text), ids)
    decoder, at, best = tokenizer.decoder(), 0, Fit(0, 0, ())
    for count, token in enumerate(ids, 1):
        piece = decoder.feed(token)
        if not text.startswith(piece, at):
            return best
        at += len(piece)
        if not decoder.holds:
            best = Fit(0, at, ids[:count])
    return Fit(0, at, ids, cut=decoder.holds) if at == len(text) else best
