"""What models were measured to do here, kept in the data folder by machine and model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from app.errors import StoreError
from app.runtime.planning.machine import ModelRate, Rates, rates_key
from app.system.atomic_file import replacing, unwritten
from app.system.file_lock import locked_beside
from app.system.json_file import decode, encode
from app.system.small_file import read_small

from .measured_rates import MeasuredRates

_LARGEST = 8 << 20
_MOST_MACHINES, _MOST_MODELS, _MOST_WAYS = 20, 50, 60

_PerSecond = Annotated[float, msgspec.Meta(gt=0, le=1e18)]
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]


class BenchmarkResult(msgspec.Struct, frozen=True, kw_only=True):
    """One model in one way, measured and as it was predicted by what was measured beside it.

    Speeds are of one text in tokens a second, memory is in bytes after 16 tokens.  ``gpu`` is the
    name of the card (of several all names), "" for the processor; ``gpu_bytes`` is what was taken
    of its memory, and None where it runs on none or that is not told.  ``measured_at`` is in
    seconds since 1970.
    """

    strategy: str
    gpu: str = ""
    measured_at: float
    decode_tokens_per_s: _PerSecond
    prefill_tokens_per_s: _PerSecond
    resident_bytes: _Bytes
    peak_bytes: _Bytes
    gpu_bytes: _Bytes | None = None
    predicted_decode_tokens_per_s: _PerSecond
    predicted_prefill_tokens_per_s: _PerSecond
    predicted_resident_bytes: _Bytes
    predicted_gpu_bytes: _Bytes | None = None
    load_s: float
    backend: str = ""
    threads: int = 0
    prompt_tokens: int
    decode_tokens: int


class ModelResults(msgspec.Struct, frozen=True):
    """All results of one model on one machine, the newest last; ``name`` is what it was called."""

    name: str = ""
    results: tuple[BenchmarkResult, ...] = ()

    def with_result(self, name: str, result: BenchmarkResult) -> "ModelResults":
        """With one more, in the place of an earlier one of the same way on the same card."""
        same = (result.strategy, result.gpu)
        others = [one for one in self.results if (one.strategy, one.gpu) != same]
        return ModelResults(name, (*others, result)[-_MOST_WAYS:])


_Kept = dict[str, dict[str, ModelResults]]


class BenchmarkResults:
    """A file of results; one that is damaged costs other measurements."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def of(self, fingerprint: str) -> tuple[BenchmarkResult, ...]:
        """What was measured of a model on this machine, the newest last."""
        return self._here().get(fingerprint, ModelResults()).results

    def keep(self, fingerprint: str, name: str, result: BenchmarkResult) -> None:
        """Keep one more; of very many models those go that were measured longest ago.

        Raises DiskFull, and StoreError where it cannot be written.
        """
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritten(error, str(self._file)) from error
        with locked_beside(self._file):
            kept = self._kept_before()
            models = kept.pop(rates_key(), {})
            known = models.pop(fingerprint, ModelResults())
            models[fingerprint] = known.with_result(name, result)
            kept[rates_key()] = dict(list(models.items())[-_MOST_MODELS:])
            with replacing(self._file) as file:
                file.write(encode(dict(list(kept.items())[-_MOST_MACHINES:])))

    def model_rates(self) -> dict[str, dict[str, ModelRate]]:
        """The speeds alone, of every model that was measured on this machine.

        Of a way that ran on several cards it is the newest.
        """
        return {model: _rates_of(found.results) for model, found in self._here().items()}

    def _kept_before(self) -> _Kept:
        """What another result is added to: a file that cannot be read now must not be replaced."""
        try:
            return self._read()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(str(error), path=str(self._file), why="refused") from error

    def _here(self) -> dict[str, ModelResults]:
        return self._all().get(rates_key(), {})

    def _all(self) -> _Kept:
        try:
            return self._read()
        except OSError:
            return {}

    def _read(self) -> _Kept:
        """Nothing where it is damaged.  Raises OSError."""
        try:
            return decode(read_small(self._file, _LARGEST), _Kept)
        except ValueError:
            return {}


def known_rates(machines: Path, benchmarks: Path) -> Rates | None:
    """What this machine and models on it were measured to do; None where the machine was not."""
    rates = MeasuredRates(machines).get()
    if rates is None:
        return None
    return msgspec.structs.replace(rates, models=BenchmarkResults(benchmarks).model_rates())


def _rates_of(results: Sequence[BenchmarkResult]) -> dict[str, ModelRate]:
    return {
        one.strategy: ModelRate(one.decode_tokens_per_s, one.prefill_tokens_per_s, one.gpu)
        for one in results
    }
