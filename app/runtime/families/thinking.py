"""Which part of a reply is thought and which is the answer; knows no template."""

import re

_OPEN, _CLOSE = "<think>", "</think>"
_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")


def split_thinking(text: str) -> tuple[str, str]:
    """The thought and the answer in a reply, also in one that is still growing.

    A thought is what stands in <think> </think> at the very beginning; while it is not closed,
    the answer is "".  The answer's first line keeps its indentation; the one space that
    templates write before a reply is not part of it.
    """
    thought, answer = _parted(text)
    if not answer.strip():
        return thought.strip(), ""
    return thought.strip(), without_blank_lines(answer.removeprefix(" "))


def without_thought(text: str) -> str:
    """What follows the thought of a reply, as it stands; "" while the thought is not closed."""
    return _parted(text)[1]


def is_thinking(text: str) -> bool:
    """Whether a reply that is still growing is within its thought."""
    body = text.lstrip()
    return body.startswith(_OPEN) and _CLOSE not in body


def without_blank_lines(text: str) -> str:
    """``text`` from its first line that holds something, with that line's indentation."""
    return _BLANK_LINES.sub("", text)


def trimmed(text: str) -> str:
    """``text`` without blank lines before and white space behind; indentation stays."""
    return without_blank_lines(text).rstrip()


def _parted(text: str) -> tuple[str, str]:
    body = text.lstrip()
    if not body.startswith(_OPEN):
        return "", "" if body == _OPEN[:-1] else text
    thought, closed, answer = body[len(_OPEN) :].partition(_CLOSE)
    if not closed:
        sizes = range(len(_CLOSE) - 1, 0, -1)
        cut = next((n for n in sizes if thought.endswith(_CLOSE[:n])), 0)
        thought = thought[: len(thought) - cut]
    return thought, answer
