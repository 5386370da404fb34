"""The process in which two models read one text: it answers one request, and ends.

Both models are needed at once, and the window holds none.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from app.errors import BY_CODE, Failure
from app.runtime.planning.machine import this_machine
from app.system.frames import GarbledError, decoded, read_frame, write_frame
from app.system.pipes import die_with_parent, take_pipes

from .lockstep_messages import (
    NotRead,
    ReadBoth,
    ReadTogether,
    SideOpening,
    TokensRead,
    Told,
    decode_request,
    encode,
)
from .way_room import Side, check_both

if TYPE_CHECKING:
    from app.runtime.opened import Opened

_DEAF = 3  # the exit code where the request is none

Send = Callable[[Told], None]


def main() -> int:
    """Read what is asked for, and tell of it; end at once where nobody listens any more."""
    requests, replies = take_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    try:
        frame = read_frame(requests)
        if frame is None:
            return 0
        asked = decoded(decode_request, frame)
    except GarbledError as error:
        sys.stderr.write(f"not a request: {error}\n")
        return _DEAF
    threading.Thread(target=_listen, args=(requests,), name="requests", daemon=True).start()

    def send(told: Told) -> None:
        try:
            write_frame(replies, encode(told))
        except OSError:
            os._exit(0)  # the other process is gone

    try:
        send(_read(asked, send))
    except Failure as failure:
        send(NotRead(failure.code, failure.detail, failure.facts))
    return 0


def _listen(requests: BinaryIO) -> None:
    """A thread: the pipe ends with the process that asked."""
    while requests.read(1):
        pass
    os._exit(0)


def _read(asked: ReadTogether, send: Send) -> ReadBoth:
    sides = [Side(Path(os.fsdecode(path)), strategy) for path, strategy in asked.sides]
    check_both(sides, this_machine(), asked.limits)
    from app.kernels.allocation import allocations_named, load_torch

    load_torch()
    from .lockstep import check_ids, check_vocabularies, read_in_lockstep

    with allocations_named():
        first, second = (_opened(at, side, asked, send) for at, side in enumerate(sides))
        check_vocabularies(first, second)
        prompt = first.tokenizer.encode(asked.prompt)
        same = asked.vocabulary == first.tokenizer.identity
        ids = [*prompt, *(asked.ids if same else first.tokenizer.encode(asked.answer))]
        check_ids(ids, first, second)
        figures = read_in_lockstep(
            first,
            second,
            ids,
            lambda done, rows: send(TokensRead(done, len(ids), tuple(rows))),
            by_token=True,
        )
    return ReadBoth(figures, len(prompt))


def _opened(number: int, side: Side, asked: ReadTogether, send: Send) -> "Opened":
    """Raises the failure of a card that does not run this way: no other way is taken."""
    from app.runtime.loading.backends import Backends
    from app.runtime.loading.loading import open_model

    opened = open_model(
        side.path,
        side.strategy,
        lambda done, total: send(SideOpening(number, done, total)),
        Backends(limits=asked.limits),
        threads=asked.threads,
    )
    down = opened.stepped_down
    if down is not None:
        raise BY_CODE.get(down.code, Failure)("", **down.facts)
    return opened
