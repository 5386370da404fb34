"""What becomes of answers: a document, one prompt of several, and where two of them part."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from app.store.comparisons.comparison_records import Answer, Grid, Row
from app.store.documents.document_records import Document, Made, Slice, TextPiece
from app.store.records import new_id
from app.ui.state.playground.open_document import OpenDocument

_QUESTION = "The best of these answers, in one:"  # to a model, in a language that it was taught


class Parting(NamedTuple):
    """The first token in which two answers differ, from 0, and where it begins in the second."""

    token: int
    place: int


def parting(first: Answer, second: Answer) -> Parting | None:
    """Where the second goes another way than the first; None where they are the same.

    Answers of different vocabularies, or whose tokens are not known, are compared by letters.
    """
    known = first.vocabulary == second.vocabulary and first.ids and second.ids
    if not known or len(second.lengths) != len(second.ids):
        if first.text == second.text:
            return None
        same = _same(first.text, second.text)
        return Parting(same, same)
    if first.ids == second.ids:
        return None
    same = _same(first.ids, second.ids)
    return Parting(same, sum(second.lengths[:same]))


def as_document(grid: Grid, row: Row, answer: Answer) -> OpenDocument:
    """A document of the prompt and the answer behind it, which a model goes on with as it was."""
    settings = grid.settings[row.settings]
    if settings.sampling is not None:
        sampling = msgspec.structs.replace(settings.sampling, seed=row.seed)
        settings = msgspec.structs.replace(settings, sampling=sampling)
    shown = OpenDocument(Document(id=new_id(), created=time.time(), settings=settings))
    prompt = grid.text_of(row)
    if prompt:
        shown.edit(0, 0, prompt, len(prompt))
    whole = len(answer.ids) == len(answer.lengths)
    piece = TextPiece(
        new_id(),
        answer.text,
        answer.vocabulary if whole else "",
        answer.ids if whole else (),
        answer.lengths if whole else (),
        Made(reply=answer.reply),
    )
    version = shown.begin_piece(len(prompt))
    content = (*shown.text.slices, Slice(piece, 0, len(piece.text)))
    shown.put_piece(version, content, "done")
    return shown


def merged(grid: Grid, answers: Sequence[tuple[Row, Answer]]) -> OpenDocument:
    """A document in which several answers are the prompt of another one.

    What they answer stands above them, once where it is the same for all.
    """
    prompts = [grid.text_of(row).strip() for row, _ in answers]
    one = prompts[0] if len(set(prompts)) == 1 else ""
    parts = [one] if one else []
    for number, (prompt, (_, answer)) in enumerate(zip(prompts, answers, strict=True), 1):
        asked = "" if one or not prompt else f"{prompt}\n\n"
        parts.append(f"{asked}Answer {number}:\n{answer.text.strip()}")
    text = "\n\n".join([*parts, _QUESTION])
    settings = grid.settings[answers[0][0].settings]
    shown = OpenDocument(Document(id=new_id(), created=time.time(), settings=settings))
    shown.edit(0, 0, text, len(text))
    return shown


def _same(first: Sequence[object], second: Sequence[object]) -> int:
    pairs = zip(first, second, strict=False)
    shorter = min(len(first), len(second))
    return next((at for at, (one, other) in enumerate(pairs) if one != other), shorter)
