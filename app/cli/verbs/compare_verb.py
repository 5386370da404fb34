"""``rookery compare``: how far two models, or two ways to run one, differ on the same text.

Both run in this process, side by side, since the logits of both are needed for every token: what
crosses the worker's pipe is far less than these.
"""

from argparse import Namespace
from pathlib import Path

from app.cli.choices import model_of
from app.cli.files import read_text
from app.cli.output import print_json, print_rows
from app.errors import OutOfMemory, RequestRefused
from app.messages.translate import tr
from app.runtime.checkpoint import open_checkpoint
from app.runtime.loading.preflight import look_at
from app.runtime.planning.footprint import peak_of
from app.runtime.planning.machine import Machine, this_machine
from app.runtime.planning.plan import Planned, plans_for, room_on
from app.runtime.planning.strategy import Strategy, parse

Side = tuple[Path, str]
"""A model and the strategy that it is to run with; "" is what suits the machine."""


def run(options: Namespace) -> int:
    """Print the figures.  Raises the failures of loading, of the tokenizer and RequestRefused."""
    sides = _sides(options)
    text = None if options.text_file is None else read_text(options.text_file)
    for path, strategy in sides:
        look_at(path, strategy)
    sides = _check(sides)
    from .comparing import compare  # here: it loads torch

    facts = compare(sides, text, options.tokens)
    if options.json:
        print_json(facts)
    else:
        print_rows([(name, _shown(value)) for name, value in facts.items()])
    return 0


def _sides(options: Namespace) -> tuple[Side, Side]:
    """Two models with one strategy or each its own, or one model with two strategies."""
    models, ways = options.model or [None], options.strategy or [""]
    if max(len(models), len(ways)) != 2:
        raise RequestRefused(why="compare-two")
    first, second = (
        (model_of(Namespace(model=models[min(i, len(models) - 1)])), ways[min(i, len(ways) - 1)])
        for i in (0, 1)
    )
    return first, second


def _check(sides: tuple[Side, Side]) -> tuple[Side, Side]:
    """The sides with the strategies that they will have; both have to fit at once.

    Raises RequestRefused for vocabularies of different sizes, and OutOfMemory.
    """
    machine = this_machine()
    sizes, needed, chosen = [], dict[str, int](), []
    for path, strategy in sides:
        with open_checkpoint(path) as checkpoint:
            spec, dtype = checkpoint.spec, checkpoint.dtype
        way = parse(strategy) if strategy else _recommended(plans_for(spec, dtype, machine))
        sizes.append(spec.vocabulary)
        chosen.append((path, strategy))
        for device, count in peak_of(spec, way, dtype).items():
            needed[device] = needed.get(device, 0) + count
    if sizes[0] != sizes[1]:
        raise RequestRefused(why="compare-sizes", found=sizes[0], wanted=sizes[1])
    _check_room(needed, machine)
    return chosen[0], chosen[1]


def _recommended(planned: Planned) -> Strategy:
    return planned.recommended.strategy if planned.recommended else parse("cpu bf16")


def _check_room(needed: dict[str, int], machine: Machine) -> None:
    for device, count in needed.items():
        free = room_on(machine, device).now
        if count > free:
            raise OutOfMemory(needed_bytes=count, free_bytes=free)


def _shown(value: object) -> str:
    if value is None:
        return tr("unknown")
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
