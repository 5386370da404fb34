"""Where the output of a batch goes if the person does not say: beside the input, to a free name."""

import os
from collections.abc import Collection
from pathlib import Path

_ENDINGS = {".csv": ".csv", ".tsv": ".tsv", ".tab": ".tsv"}
ROW_ENDINGS = frozenset({".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".txt", ".md"})
"""Files with these are surely rows, or a text of lines."""


def output_beside(rows: Path, ending: str = "", taken: Collection[str] = ()) -> Path:
    """A name that nothing has yet; a table's output is one too unless ``ending`` says otherwise.

    Nor is it one of the paths that are ``taken``, for which nothing was written yet.
    """
    ending = ending or _ENDINGS.get(rows.suffix.lower(), ".jsonl")
    number, name = 1, f"{rows.stem}-output{ending}"
    while os.path.lexists(rows.with_name(name)) or str(rows.with_name(name)) in taken:
        number += 1
        name = f"{rows.stem}-output-{number}{ending}"
    return rows.with_name(name)
