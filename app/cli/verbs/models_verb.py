"""``rookery models``: lists the models in the chosen folders, read from their headers."""

import os
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.cli.output import emit, note, print_json
from app.errors import BY_CODE
from app.hub.sources.answer_cache import Cache
from app.library.duplicates import Duplicates, duplicates_among
from app.library.file_groups import ranked
from app.library.folder_watcher import Headers
from app.library.local_library import bytes_of, is_whole
from app.library.scan import Survey, chosen_files, merged, survey
from app.messages.fact_filling import visible
from app.messages.failures import one_line
from app.messages.translate import tr, tr_noop
from app.messages.units import size
from app.runtime.checkpoint.describe import ModelFile, describe, embedded_model
from app.store.paths import standard_paths
from app.store.settings import Settings

_MADE_FOR = {
    ("state", True): tr_noop("tuned state for {}"),
    ("state", False): tr_noop("tuned state for a model that is not here"),
    ("lora", True): tr_noop("LoRA for {}"),
    ("lora", False): tr_noop("LoRA for a model that is not here"),
}
_LIMITS = {
    "depth": tr_noop("In {} there are folders more than five deep, which were not looked into."),
    "entries": tr_noop(
        "In {} there is more than can be looked through, so some may be missing here."
    ),
}


def run(options: Namespace) -> int:
    """Print every model found, the embedded one first."""
    paths = standard_paths(os.environ.get("ROOKERY_HOME", ""))
    settings = Settings(paths.settings)
    if settings.trouble is not None:
        note(f"rookery: {one_line(settings.trouble)}")
    chosen = settings.now
    folders = [str(paths.models), chosen.download_folder, *chosen.folders]
    headers = Headers(Cache(paths.cache))
    surveys = [survey(Path(folder), headers) for folder in dict.fromkeys(folders) if folder]
    found = [describe(embedded_model()), *merged(surveys)]
    listed = {model.path for model in found}
    alone = [Path(file) for file in chosen.files if file not in listed]
    found += chosen_files(alone, headers)
    headers.keep()
    duplicates = duplicates_among(found)
    if options.json:
        print_json(_all_facts(surveys, found, duplicates))
    else:
        _print_lines(surveys, found, duplicates)
    return 0


def _all_facts(
    surveys: Sequence[Survey], found: Sequence[ModelFile], duplicates: Sequence[Duplicates]
) -> dict[str, Any]:
    return {
        "folders": [one.folder for one in surveys],
        "models": [_facts(model, found) for model in found],
        "total_bytes": bytes_of(filter(is_whole, found)),
        "duplicates": [msgspec.to_builtins(one) for one in duplicates],
        "limits": {one.folder: list(one.limits) for one in surveys if one.limits},
    }


def _print_lines(
    surveys: Sequence[Survey], found: Sequence[ModelFile], duplicates: Sequence[Duplicates]
) -> None:
    for model in sorted(found, key=_is_refused):
        emit(visible(_line(model, found)))
    for one in duplicates:
        wasted = size(one.wasted_bytes)
        told = tr("These look alike, {size} could be freed: {paths}")
        note(visible(told.format(size=wasted, paths=", ".join(one.paths))))
    for one_survey in surveys:
        for limit in one_survey.limits:
            note(visible(tr(_LIMITS[limit]).format(one_survey.folder)))
    looked = ", ".join(one.folder for one in surveys)
    told = tr("Looked in: {folders}; {size} in all")
    weight = size(bytes_of(filter(is_whole, found)))
    note(visible(told.format(folders=looked, size=weight)))


def _facts(model: ModelFile, found: Sequence[ModelFile]) -> dict[str, Any]:
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
        "kind": model.kind,
        "files": list(model.files),
        "belongs_to": [one.path for one in _belongs_to(model, found)],
    }


def _is_refused(model: ModelFile) -> bool:
    return not is_whole(model) and model.kind != "unfinished"


def _belongs_to(model: ModelFile, found: Sequence[ModelFile]) -> Sequence[ModelFile]:
    return ranked(model.made_for, model.name, found) if model.made_for else ()


def _failure(model: ModelFile) -> str | None:
    if not model.failure_code:
        return None
    return one_line(BY_CODE[model.failure_code]("", **model.failure_facts))


def _line(model: ModelFile, found: Sequence[ModelFile]) -> str:
    if model.made_for is not None:
        owners = _belongs_to(model, found)
        told = tr(_MADE_FOR[model.kind, bool(owners)]).format(owners[0].name if owners else "")
        return f"{model.name}  {told}, {size(model.bytes)}  {model.path}"
    failure = _failure(model)
    if failure is not None or model.spec is None:
        told = tr("cannot be used: {}").format(failure)
        return f"{model.name}  {told}"
    spec = model.spec
    millions = tr("{} M parameters").format(f"{spec.parameters / 1e6:,.1f}")
    kind = f"RWKV-{spec.generation}, {millions}"
    return f"{model.name}  {kind}, {model.dtype}, {size(model.bytes)}  {model.path}"
