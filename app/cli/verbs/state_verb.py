"""``rookery state``: keeps what a model remembers of a text in a file, and tells of such files."""

import asyncio
from argparse import Namespace
from pathlib import Path

import msgspec

from app.cli.choices import adapters_of, limits_of, model_of, state_of
from app.cli.files import read_text
from app.cli.machine_rates import kept_rates, preferences_of
from app.cli.output import (
    Progress,
    loading_line,
    note_loaded,
    note_state,
    print_json,
    print_rows,
    reading_line,
)
from app.messages.translate import tr, tr_noop
from app.messages.units import size
from app.runtime.protocol.messages import LoadProgress, Prefilled
from app.runtime.protocol.prompts import Prompt, Text, Tokens
from app.runtime.protocol.states import StateFacts, StatesTaken
from app.runtime.states.state_header import (
    StateSizes,
    check_numbers,
    describe,
    opened_state,
    sizes_in,
)
from app.runtime.worker.client import Client

_KINDS = {
    "saved": tr_noop("saved by Rookery"),
    "tuned": tr_noop("a tuned state"),
    "listed": tr_noop("a list of tensors, as the package rwkv keeps it"),
}


def run(options: Namespace) -> int:
    """Make a state or show one.  Raises the failures of loading, reading and writing."""
    if options.action == "show":
        _show(options)
    else:
        asyncio.run(_make(options))
    return 0


async def _make(options: Namespace) -> None:
    prompt, start, adapters = _prompt(options), state_of(options), adapters_of(options)
    client, progress = Client(), Progress()
    try:
        loaded = await client.load(
            str(model_of(options)),
            options.strategy,
            lambda done: progress.show(_loading(done)),
            rates=kept_rates(),
            limits=limits_of(options),
            adapters=adapters,
            preferences=preferences_of(model_of(options), options.strategy),
        )
        progress.clear()
        note_loaded(loaded)
        if start:
            note_state(await client.load_state(start))
        taken = await client.save_state(
            prompt,
            options.out,
            start=start,
            document=options.text_file is not None,
            report=lambda done: progress.show(_reading(done)),
        )
    finally:
        progress.clear()
        await client.close()
    _tell_made(options, taken, loaded.strategy)


def _prompt(options: Namespace) -> Prompt:
    if options.tokens is not None:
        return Tokens(options.tokens)
    if options.text_file is not None:
        return Text(read_text(options.text_file))
    return Text(read_text("-") if options.prompt == "-" else options.prompt)


def _loading(progress: LoadProgress) -> str:
    return loading_line(progress.done, progress.total)


def _reading(progress: Prefilled) -> str:
    return reading_line(progress.done, progress.total)


def _tell_made(options: Namespace, taken: StatesTaken, strategy: str) -> None:
    (one,) = taken.states
    facts: dict[str, object] = {
        "out": options.out,
        "tokens": one.facts.tokens,
        "prompt_tokens": taken.prompt_tokens,
        "computed_tokens": taken.computed_tokens,
        "bytes": one.file_bytes,
        "prefill_s": taken.prefill_s,
        "strategy": strategy,
        **_identity(one.facts),
    }
    if options.json:
        print_json(facts)
        return
    print_rows(
        [
            ("state", options.out),
            ("tokens", f"{one.facts.tokens:,}"),
            (
                "read",
                tr("{count} in {seconds} s").format(
                    count=f"{taken.computed_tokens:,}", seconds=f"{taken.prefill_s:.1f}"
                ),
            ),
            ("size", size(one.file_bytes)),
        ]
    )


def _identity(facts: StateFacts) -> dict[str, object]:
    """What the state belongs to, and how it was made."""
    named = msgspec.structs.asdict(facts)
    order = ("model", "fingerprint", "tokenizer", "generation", "format", "backend")
    told: dict[str, object] = {name: named[name] or None for name in order}
    return {**told, "approximate": facts.approximate, "checksum": facts.checksum}


def _show(options: Namespace) -> None:
    path = Path(options.file)
    facts, sizes = _looked_at(path)
    told: dict[str, object] = {
        "file": options.file,
        "kind": facts.kind,
        "tokens": facts.tokens if facts.kind == "saved" else None,
        **{name: value or None for name, value in sizes._asdict().items()},
        **_identity(facts),
        "bytes": path.stat().st_size,
    }
    if options.json:
        print_json(told)
        return
    shown = told | {
        "kind": _KINDS[facts.kind],
        "bytes": size(path.stat().st_size),
        "approximate": tr("yes") if facts.approximate else None,
    }
    print_rows([(name, str(value)) for name, value in shown.items() if value is not None])


def _looked_at(path: Path) -> tuple[StateFacts, StateSizes]:
    """What is in a file whose numbers are whole.

    Raises RequestRefused for what is no state, DamagedState, and the failures of opening it.
    """
    with opened_state(path) as container:
        facts = describe(container)
        if facts.kind == "saved":
            check_numbers(container, facts)
        return facts, sizes_in(container)
