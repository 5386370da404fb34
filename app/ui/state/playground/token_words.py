"""Tokens as a person writes them, as ids: words in quotes or not, or #123; asks the open model."""

import re
from collections.abc import Awaitable, Callable

import msgspec

from app.errors import RequestRefused
from app.runtime.protocol.encodings import Encoded
from app.runtime.protocol.generate_options import GenerateOptions
from app.runtime.protocol.grammars import Grammar
from app.runtime.protocol.prompts import Sampling, Text
from app.runtime.protocol.token_spans import unpack
from app.store.documents.document_records import Bias, WritingSettings

_ID = re.compile(r"#(\d{1,9})")
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\"}
_ESCAPE = re.compile(r"\\[ntr\\]")

Encode = Callable[[Text], Awaitable[Encoded]]


async def options_of(
    settings: WritingSettings, sampling: Sampling, encode: Encode
) -> GenerateOptions:
    """How a piece is written: ``sampling``, with the tokens that are banned or biased as ids.

    Raises RequestRefused (``why`` "several-tokens") for words that are not one token, and as
    ``Session.encode`` does.
    """
    banned = [await _token(words, encode) for words in settings.bans]
    biases = [(await _token(one.words, encode), one.value) for one in settings.biases]
    whole = msgspec.structs.replace(
        sampling,
        banned=tuple(dict.fromkeys((*sampling.banned, *banned))),
        logit_bias=tuple(dict((*sampling.logit_bias, *biases)).items()),
    )
    return GenerateOptions(
        limit=settings.limit,
        sampling=whole,
        stops=tuple(filter(None, settings.stops)),
        grammar=_written(settings.grammar),
        # nobody waits for a piece to repeat, unless a seed says so
        reproducible=None if sampling.seed is not None else False,
    )


def plain_words(written: str) -> str:
    """What a person means: without quotes around it, and with \\n for a new line."""
    quoted = len(written) > 1 and written[0] == written[-1] == '"'
    inner = written[1:-1] if quoted else written
    return _ESCAPE.sub(lambda found: _ESCAPES[found[0]], inner)


def written_words(words: str) -> str:
    """The other way: one line, from which ``plain_words`` makes the words again."""
    shown = words.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    shown = shown.replace("\r", "\\r")
    quoted = len(shown) > 1 and shown[0] == shown[-1] == '"'
    return f'"{shown}"' if quoted or shown != shown.strip() else shown


def biases_in(lines: str) -> tuple[tuple[Bias, ...], tuple[str, ...]]:
    """The biases of lines such as ``word = -2.5``, and the lines that are none."""
    found, wrong = [], []
    for line in filter(str.strip, lines.splitlines()):
        words, sign, value = line.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            sign = ""
            number = 0.0
        if sign and words.strip() and -1000 <= number <= 1000:
            found.append(Bias(_trimmed(words), number))
        else:
            wrong.append(line)
    return tuple(found), tuple(wrong)


def _trimmed(words: str) -> str:
    """A space before = is none of the token, unless the word stands in quotes."""
    return words.strip()


def _written(grammar: Grammar | None) -> Grammar | None:
    """None where a form is chosen and nothing is written yet that could hold a text to it."""
    empty = grammar is not None and grammar.kind != "json" and not grammar.text.strip()
    return None if empty else grammar


async def _token(written: str, encode: Encode) -> int:
    number = _ID.fullmatch(written.strip())
    if number:
        return int(number[1])
    words = plain_words(written)
    ids = unpack((await encode(Text(words))).ids)
    if len(ids) != 1:
        raise RequestRefused(why="several-tokens", word=words, tokens=len(ids))
    return ids[0]
