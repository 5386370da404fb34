"""Answers what is asked about tokens: those of a prompt with their characters, and all of them."""

from typing import TYPE_CHECKING

from app.runtime.protocol.encodings import Encode, Encoded
from app.runtime.protocol.prompts import Text
from app.runtime.protocol.token_spans import pack
from app.runtime.protocol.vocabulary_messages import ReadVocabulary, Vocabulary

from .prompting import prompt_ids
from .token_fit import places

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.runtime.opened import Opened


def told_of_tokens(request: Encode | ReadVocabulary, opened: "Opened") -> Encoded | Vocabulary:
    """The answer to a request.  Raises RequestRefused and the tokenizer's failures."""
    if isinstance(request, Encode):
        return encoded(request, opened)
    tokenizer = opened.tokenizer
    return Vocabulary(
        id=request.id,
        identity=tokenizer.identity,
        pieces=tuple(tokenizer.pieces),
        ends=tuple(sorted(tokenizer.end_tokens)),
    )


def encoded(request: Encode, opened: "Opened") -> Encoded:
    """The ids of the request's prompt.  Raises RequestRefused and the tokenizer's failures."""
    ids = prompt_ids(request.prompt, opened, document=request.document)
    tokenizer = opened.tokenizer
    decoder = tokenizer.decoder()
    text = "".join(decoder.feed(token) for token in ids)
    lengths = ends_between(places(ids, tokenizer))
    if isinstance(request.prompt, Text) and text + decoder.flush() != request.prompt.text:
        text = request.prompt.text
        lengths = [0] * (len(ids) - 1) + [len(text)] * bool(ids)
    return Encoded(
        id=request.id,
        vocabulary=tokenizer.identity,
        text=text,
        ids=pack(ids),
        lengths=pack(lengths),
    )


def ends_between(ends: "Iterable[int]") -> list[int]:
    """How many characters each token ends, from its place as ``token_fit.places`` tells it."""
    before, lengths = 0, []
    for end in ends:
        lengths.append(end - before if end >= 0 else 0)
        before = max(before, end)
    return lengths
