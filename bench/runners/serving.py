"""What every engine is asked to do, one JSON object a line; imports nothing but the standard.

Orders: load, prefill, decode, logits, memory.  An engine whose library lives in another Python runs
there, so that neither this module nor a runner may lean on the packages of this project.
"""

import base64
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

_WARM_UP = 3
_PREFILL_WARM_UP = 16


class Engine(Protocol):
    """A model in memory and the texts it is reading."""

    def load(self, path: str, **options: Any) -> dict[str, Any]:
        """Read the model; what is told about it (``reads_bytes`` a token, where it is known)."""
        ...

    def blank(self, texts: int) -> None:
        """Begin so many empty texts."""
        ...

    def feed(self, rows: Sequence[Sequence[int]]) -> list[int]:
        """Add equally many tokens to every text; each one's best next token."""
        ...

    def logits(self) -> bytes:
        """After the last token of the first text, float32."""
        ...


class Server:
    """Carries orders out on one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, path: str, **options: Any) -> dict[str, Any]:
        """To the first token; seconds without those of starting Python and importing."""
        begun = time.perf_counter()
        told = self._engine.load(path, **options)
        self._engine.blank(1)
        self._engine.feed([[1]])
        return {"load_s": time.perf_counter() - begun} | told

    def prefill(self, tokens: list[int]) -> dict[str, Any]:
        """One prompt into an empty text."""
        self._engine.blank(1)
        self._engine.feed([tokens[:_PREFILL_WARM_UP]])
        self._engine.blank(1)
        begun = time.perf_counter()
        self._engine.feed([tokens])
        return {"s": time.perf_counter() - begun}

    def decode(self, tokens: list[int], count: int, texts: int = 1) -> dict[str, Any]:
        """``count`` greedy tokens for every text, after a short prompt; each has another one."""
        engine = self._engine
        engine.blank(texts)
        best = engine.feed([[(token + text) % 256 for token in tokens] for text in range(texts)])
        for _ in range(_WARM_UP):
            best = engine.feed([[token] for token in best])
        begun = time.perf_counter()
        for _ in range(count):
            best = engine.feed([[token] for token in best])
        return {"s": time.perf_counter() - begun}

    def logits(self, tokens: list[int]) -> dict[str, Any]:
        """After the last of ``tokens``."""
        self._engine.blank(1)
        self._engine.feed([tokens])
        return {"logits": base64.b64encode(self._engine.logits()).decode()}

    def memory(self) -> dict[str, Any]:
        """The most that this process ever had resident, mapped files included."""
        return {"peak_bytes": _peak_bytes()}


def serve(make: Callable[[], Engine]) -> None:
    """Answer orders until there are none; what the engine prints goes to the error stream."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    server = Server(make())
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(server, order.pop("do"))(**order)
        print(json.dumps(answer), file=answers, flush=True)


def _peak_bytes() -> int:
    if sys.platform == "linux":  # getrusage there counts the parent's memory before exec too
        with open("/proc/self/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    if sys.platform == "win32":
        return 0
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
