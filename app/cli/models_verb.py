"""``rookery models``: the library, from the headers of the files in the folders chosen."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import msgspec

from app.errors import BY_CODE
from app.runtime.library import ModelFile, describe, embedded_model, scan
from app.store.paths import standard_paths
from app.store.settings import Settings
from app.words import one_line, visible

from .output import emit, human_bytes, note, print_json


def run(options: Namespace) -> int:
    """Print every model found, the embedded one first."""
    paths = standard_paths(os.environ.get("ROOKERY_HOME", ""))
    settings = Settings(paths.settings)
    if settings.trouble is not None:
        note(f"rookery: {one_line(settings.trouble)}")
    chosen = settings.now
    folders = [paths.models, *map(Path, chosen.folders)]
    found = [describe(embedded_model()), *scan(folders)]
    listed = {model.path for model in found}
    found += [describe(Path(file)) for file in chosen.files if file not in listed]
    if options.json:
        print_json({"folders": list(map(str, folders)), "models": list(map(_facts, found))})
        return 0
    for model in found:
        emit(visible(_line(model)))
    note(visible("Looked in: " + ", ".join(map(str, folders))))
    return 0


def _facts(model: ModelFile) -> dict[str, Any]:
    spec = msgspec.structs.asdict(model.spec) if model.spec else {}
    return {
        "path": model.path,
        "name": model.name,
        "format": model.format,
        "dialect": model.dialect,
        **spec,
        "dtype": model.dtype,
        "bytes": model.bytes,
        "tokenizer": model.tokenizer,
        "embedded": model.embedded,
        "failure": _failure(model),
    }


def _failure(model: ModelFile) -> str | None:
    if not model.failure_code:
        return None
    return one_line(BY_CODE[model.failure_code]("", **model.failure_facts))


def _line(model: ModelFile) -> str:
    failure = _failure(model)
    if failure is not None or model.spec is None:
        return f"{model.name}  cannot be used: {failure}"
    spec = model.spec
    kind = f"RWKV-{spec.generation}, {spec.parameters / 1e6:,.1f} M parameters"
    return f"{model.name}  {kind}, {model.dtype}, {human_bytes(model.bytes)}  {model.path}"
