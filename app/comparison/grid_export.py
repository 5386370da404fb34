"""A comparison as text for people and other programs: JSON, CSV, and Markdown."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from app.errors import BY_CODE, Failure
from app.messages.failures import one_line
from app.store.comparisons.comparison_records import (
    Answer,
    Divergence,
    Grid,
    ModelRun,
    OpenedComparison,
    Place,
)
from app.store.documents.document_records import WritingSettings
from app.store.records import Reply
from app.system.atomic_file import writing
from app.system.json_file import encode

_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "presence", "frequency", "decay")


def export(path: Path, found: OpenedComparison) -> None:
    """Write it as the file's name says: .csv, .md, else JSON; whole or not at all.

    Raises DiskFull and StoreError.
    """
    kinds = {".csv": as_csv, ".md": as_markdown, ".markdown": as_markdown}
    text = kinds.get(path.suffix.lower(), as_json)(found)
    with writing(path) as file:
        file.write(text)


def as_json(found: OpenedComparison) -> bytes:
    """Everything that is known: the grid, a list of cells, and how ways differ, by token."""
    comparison, grid = found.comparison, found.comparison.grid
    told = {
        "title": comparison.title,
        "created_utc": _when(comparison.created),
        "start": grid.start,
        "prompts": grid.prompts,
        "ways": [_way(way) for way in grid.ways],
        "cells": [{**cell, "ids": found.answers[place].ids} for place, cell in _cells(found)],
        "divergences": [_divergence(one) for one in found.divergences],
    }
    return encode(told, indent=2) + b"\n"


def as_csv(found: OpenedComparison) -> bytes:
    """One line a cell, with the mark by which spreadsheets know that it is UTF-8."""
    text = io.StringIO()
    rows = [cell for _, cell in _cells(found)]
    table = csv.DictWriter(text, _cell_names())
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def as_markdown(found: OpenedComparison) -> bytes:
    """A table with a column for each way, the prompts above it."""
    comparison, grid = found.comparison, found.comparison.grid
    lines = [f"# {_inline(comparison.title)}", ""]
    lines += _quoted(grid.start)
    lines.append(_table_line(["", *(_inline(f"{way.name} · {way.strategy}") for way in grid.ways)]))
    lines.append("|---" * (len(grid.ways) + 1) + "|")
    for number, row in enumerate(grid.rows):
        head = [_inline(grid.prompts[row.prompt])] if grid.prompts else []
        settings = grid.settings[row.settings]
        head += [_inline(_settings_line(settings)), f"seed {row.seed}"]
        answers = [found.answers.get(Place(number, way)) for way in range(len(grid.ways))]
        lines.append(_table_line(["<br>".join(head), *map(_answer_cell, answers)]))
    for one in found.divergences:
        lines += ["", *_divergence_lines(one, grid)]
    return ("\n".join(lines) + "\n").encode()


def failure_of(reply: Reply) -> Failure:
    """What ended an answer, as the type that was raised."""
    return BY_CODE.get(reply.failure, Failure)(reply.detail, **reply.failure_facts)


def _cells(found: OpenedComparison) -> Iterable[tuple[Place, dict[str, Any]]]:
    grid = found.comparison.grid
    for place in sorted(found.answers):
        if place.row < len(grid.rows) and place.way < len(grid.ways):
            yield place, _cell(place, grid, found.answers[place])


def _cell_names() -> list[str]:
    """Of what ``_cell`` tells, in order."""
    return [
        *("row", "way", "model", "strategy", "path", "prompt", "seed"),
        *_SAMPLING,
        *("limit", "text", "tokens", "stop_reason", "tokens_per_s", "failure"),
    ]


def _cell(place: Place, grid: Grid, answer: Answer) -> dict[str, Any]:
    row, way, reply = grid.rows[place.row], grid.ways[place.way], answer.reply
    settings = grid.settings[row.settings]
    sampling = settings.sampling
    told = msgspec.structs.asdict(sampling) if sampling else {}
    values = (
        *(place.row, place.way, way.name, way.strategy, way.path, grid.text_of(row), row.seed),
        *(told.get(name) for name in _SAMPLING),
        *(settings.limit, answer.text, reply.tokens, reply.reason or None),
        round(reply.tokens_per_s, 2) or None,
        one_line(failure_of(reply)) if answer.failed else None,
    )
    return dict(zip(_cell_names(), values, strict=True))


def _way(way: ModelRun) -> dict[str, str]:
    return {"model": way.name, "strategy": way.strategy, "path": way.path}


def _divergence(one: Divergence) -> dict[str, Any]:
    return {
        "first": one.first._asdict(),
        "second": one.second._asdict(),
        **msgspec.structs.asdict(one.figures),
        "prompt_tokens": one.prompt_tokens,
        "per_token": [msgspec.structs.asdict(row) for row in one.tokens],
    }


def _divergence_lines(one: Divergence, grid: Grid) -> list[str]:
    first, second = (grid.ways[place.way] for place in (one.first, one.second))
    names = f"{first.name} · {first.strategy} | {second.name} · {second.strategy}"
    figures = one.figures
    told = (
        f"mean_kl {figures.mean_kl:.6f}",
        f"max_kl {figures.max_kl:.6f}",
        f"top1_agreement {figures.top1_agreement:.4f}",
        f"tokens {figures.tokens}",
    )
    return [f"- {_inline(names)}: {', '.join(told)}"]


def _settings_line(settings: WritingSettings) -> str:
    sampling = settings.sampling
    limit = f"limit {settings.limit}"
    if sampling is None:
        return limit
    return f"temperature {sampling.temperature:g}, top_p {sampling.top_p:g}, {limit}"


def _answer_cell(answer: Answer | None) -> str:
    if answer is None:
        return ""
    text = _inline(answer.text)
    return f"{text} *({_inline(one_line(failure_of(answer.reply)))})*" if answer.failed else text


def _table_line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _inline(text: str) -> str:
    """As the text of one cell of a table: what means something in Markdown means itself."""
    kept = "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|~&$!" else letter for letter in text)
    return "<br>".join(kept.strip("\n").splitlines())


def _quoted(text: str) -> list[str]:
    return [*(f"> {_inline(line)}" for line in text.splitlines()), ""] if text.strip() else []


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
