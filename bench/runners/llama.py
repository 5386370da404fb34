"""llama.cpp through the package llama-cpp-python, which may live in a Python of its own.

Its low-level interface is used: the same calls that the package's own class makes, without what
that class copies and keeps for every token.
"""

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

import llama_cpp  # type: ignore[import-not-found]
import numpy as np

from .serving import serve

_TYPES = {"Q4_0": 2, "Q8_0": 7, "F16": 1, "BF16": 32}  # llama_ftype
_LONGEST = 2048
_MICRO_BATCH = 512


class Llama:
    """See Engine."""

    def __init__(self) -> None:
        llama_cpp.llama_backend_init()
        self._contexts: dict[int, Any] = {}

    def load(self, path: str, threads: int = 0, **_: Any) -> dict[str, Any]:
        """See Engine."""
        self.threads = threads
        options = llama_cpp.llama_model_default_params()
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), options)
        if not self.model:
            raise ValueError(f"llama.cpp does not load {path}")
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(
            llama_cpp.llama_model_get_vocab(self.model)
        )
        return {
            "threads": threads,
            "version": llama_cpp.__version__,
            "features": llama_cpp.llama_print_system_info().decode(),
        }

    def blank(self, texts: int) -> None:
        """See Engine."""
        if texts not in self._contexts:
            self._contexts[texts] = self._context(texts)
        self.context, self.batch = self._contexts[texts]
        with_data = True
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), with_data)
        self.position = 0

    def feed(self, rows: Sequence[Sequence[int]]) -> list[int]:
        """See Engine."""
        batch, steps = self.batch, len(rows[0])
        batch.n_tokens = steps * len(rows)
        last = []
        for text, row in enumerate(rows):
            for step, token in enumerate(row):
                at = text * steps + step
                batch.token[at] = token
                batch.pos[at] = self.position + step
                batch.n_seq_id[at], batch.seq_id[at][0] = 1, text
                batch.logits[at] = step == steps - 1
            last.append(at)
        if llama_cpp.llama_decode(self.context, batch):
            raise ValueError("llama_decode failed")
        self.position += steps
        self._last = [self._row(at) for at in last]
        return [int(row.argmax()) for row in self._last]

    def logits(self) -> bytes:
        """See Engine."""
        return self._last[0].tobytes()

    def _context(self, texts: int) -> Any:
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = _LONGEST * texts
        options.n_batch, options.n_ubatch = _LONGEST, _MICRO_BATCH
        options.n_seq_max = texts
        options.n_threads = options.n_threads_batch = self.threads
        context = llama_cpp.llama_init_from_model(self.model, options)
        if not context:
            raise ValueError("llama.cpp makes no context")
        return context, llama_cpp.llama_batch_init(_LONGEST, 0, 1)

    def _row(self, at: int) -> "np.ndarray[Any, np.dtype[np.float32]]":
        pointer = llama_cpp.llama_get_logits_ith(self.context, at)
        return np.ctypeslib.as_array(pointer, shape=(self.vocabulary,))


def quantize(source: str, target: str, kind: str) -> None:
    """A GGUF as llama.cpp's own tool makes it: for Q4_0 that means a head of 6 bits (Q6_K)."""
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = _TYPES[kind]
    options.nthread = 1
    if llama_cpp.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(options)):
        raise ValueError(f"llama.cpp does not make a {kind} of {source}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["quantize"]:
        quantize(*sys.argv[2:5])
    else:
        serve(Llama)
