"""Machines that are only described: those that come with the program, or one in a file."""

from pathlib import Path

import msgspec

from app.errors import RequestRefused
from app.resources import resource
from app.system.json_file import decode
from app.system.small_file import read_small

from .machine import Machine

_LARGEST = 1 << 20


def machine_called(name: str) -> Machine:
    """The machine of this name, else the one that a file of this path describes.

    Raises RequestRefused (facts why "machine", value, wanted).
    """
    known = machines()
    wanted = "-".join(name.lower().replace("_", " ").split())
    if wanted in known:
        return known[wanted]
    facts = {"why": "machine", "value": name, "wanted": ", ".join(known)}
    try:
        return _with_cards_apart(decode(read_small(Path(name), _LARGEST), Machine))
    except OSError as error:
        raise RequestRefused(**facts) from error
    except ValueError as error:
        raise RequestRefused(**facts, said=str(error)) from error


def _with_cards_apart(machine: Machine) -> Machine:
    """Raises ValueError where two cards have one number."""
    if len({gpu.index for gpu in machine.gpus}) < len(machine.gpus):
        raise ValueError("two of its cards have the same index")
    return machine


def machines() -> dict[str, Machine]:
    """Those that come with the program, by their names."""
    text = resource("machines.json").read_bytes()
    found = msgspec.json.decode(text, type=dict[str, Machine])
    return {name: msgspec.structs.replace(one, name=name) for name, one in found.items()}
