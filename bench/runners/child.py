"""The other end of ``serving``: starts a runner's process, hands it orders, ends it."""

import json
import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_ROOT = Path(__file__).parents[2]
_AS_IN_LIFE = {  # what an engine's own program sets before it loads it (app/__main__.py)
    "ours": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"},
}


class Child:
    """A runner in its own process; use it as a context manager.  Raises RuntimeError if it ends."""

    def __init__(self, python: str, runner: str, threads: int) -> None:
        counted = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS")}
        self._runner = runner
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            [python, "-m", f"bench.runners.{runner}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            cwd=_ROOT,
            env=os.environ | counted | _AS_IN_LIFE.get(runner, {}),
            text=True,
        )
        self._answer()

    def ask(self, do: str, **facts: Any) -> dict[str, Any]:
        """Carry out one order and wait for the answer."""
        assert self._process.stdin
        try:
            print(json.dumps({"do": do} | facts), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            self._fail()
        return self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._process.kill()
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()  # which is what it ends on
        self._process.wait()
        self._process.stdout.close()
        self._said.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._fail()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _fail(self) -> None:
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace")[-2000:]
        raise RuntimeError(f"{self._runner} ended with {code}:\n{said}")
