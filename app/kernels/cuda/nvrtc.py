"""Compiles programs (*.cu and constants) with NVRTC for one GPU, and caches the results.

It needs no headers but those beside this file, no compiler and no GPU.  Cached programs are found
by a hash of all their source texts, so none is ever outdated; a damaged file is compiled anew, and
on a disk that cannot be written to each start compiles again.
"""

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from app.errors import KernelError

SOURCES = Path(__file__).parent
OLDEST = 75  # Turing: the oldest that NVRTC 13 compiles for

_OPTIONS = ("--std=c++17", "--device-as-default-execution-space")
_DIGEST_BYTES = 32
_LOG_LINES = 3


class Programs:
    """The programs for one GPU; ``image`` gives what its driver loads.

    ``architecture`` is e.g. 90 for compute capability 9.0; ``driver`` is the CUDA version that the
    driver supports; ``folder`` is the cache, None for no cache.
    """

    def __init__(self, architecture: int, driver: int = 0, folder: Path | None = None) -> None:
        self.target = target(architecture, known_architectures())
        self._about = (self.target, driver, version(), _OPTIONS)
        self._folder = folder

    def image(self, program: str, **constants: int | str) -> bytes:
        """PROGRAM.cu with these constants as machine code or PTX. Raises KernelError."""
        place = self._folder / self._name(program, constants) if self._folder else None
        kept = _read(place) if place else None
        if kept is not None:
            return kept
        image, _ = compiled(program, constants, self.target)
        if place:
            _write(place, image)
        return image

    def _name(self, program: str, constants: dict[str, int | str]) -> str:
        return f"{program}-{self.target}-{fingerprint(program, constants, self._about)}"


def fingerprint(program: str, constants: dict[str, int | str], about: tuple[object, ...]) -> str:
    """A hash of the texts of a program and its headers, its constants, compiler and target."""
    digest = hashlib.sha256(repr((about, sorted(constants.items()))).encode())
    for text in _texts(program):
        digest.update(hashlib.sha256(text).digest())
    return digest.hexdigest()[:32]


def compiled(
    program: str, constants: dict[str, int | str], wanted: str, *options: str
) -> tuple[bytes, str]:
    """Machine code for "sm_90" or PTX for "compute_90", and the compiler's log.

    Raises KernelError, with the first lines of the log, if the text does not compile.
    """
    nvrtc = library()
    source, *headers = _texts(program)
    names = tuple(name.encode() for name in _headers())
    defined = (f"-D{name}={value}" for name, value in sorted(constants.items()))
    handle = nvrtc.createProgram(source.decode(), f"{program}.cu", tuple(headers), names)
    try:
        nvrtc.compileProgram(
            handle, (f"--gpu-architecture={wanted}", *_OPTIONS, *options, *defined)
        )
        get = nvrtc.getCUBIN if wanted.startswith("sm_") else nvrtc.getPTX
        image: bytes | str = get(handle)
        log: str = nvrtc.getProgramLog(handle)
    except nvrtc.NVRTCError as failure:
        log = nvrtc.getProgramLog(handle)
        raise KernelError(program=program, said=_first_lines(log) or str(failure)) from failure
    finally:
        nvrtc.destroyProgram(handle)
    return image if isinstance(image, bytes) else image.encode(), log.rstrip("\0\n ")


def target(architecture: int, known: tuple[int, ...]) -> str:
    """The target to compile for: this GPU, or PTX of the newest one below it for the driver.

    Machine code of one minor version runs on later ones of the same generation.  Raises KernelError
    if NVRTC supports only newer GPUs.
    """
    if architecture in known:
        return f"sm_{architecture}"
    older = [one for one in known if one < architecture]
    if not older:
        found = f"{architecture // 10}.{architecture % 10}"
        raise KernelError(why="nvrtc-other-card", found=found)
    newest = max(older)
    return f"sm_{newest}" if newest // 10 == architecture // 10 else f"compute_{newest}"


@cache
def library() -> Any:
    """The Python binding of NVRTC. Raises ImportError if it, or NVRTC itself, is not installed."""
    from cupy_backends.cuda.libs import nvrtc

    nvrtc.getVersion()  # loads it
    return nvrtc


def version() -> tuple[int, int]:
    """The version of NVRTC."""
    major, minor = library().getVersion()
    return int(major), int(minor)


def known_architectures() -> tuple[int, ...]:
    """The architectures that NVRTC can compile for."""
    return tuple(int(one) for one in library().getSupportedArchs())


def standard_folder() -> Path | None:
    """The person's cache folder for compiled programs."""
    home = os.environ.get("ROOKERY_HOME", "")
    if home:
        return Path(home).expanduser().absolute() / "cache" / "kernels"
    try:
        import platformdirs
    except ImportError:
        return None
    return platformdirs.user_cache_path("rookery", appauthor=False) / "kernels"


@cache
def _headers() -> tuple[str, ...]:
    return tuple(sorted(path.name for path in SOURCES.glob("*.cuh")))


def _texts(program: str) -> list[bytes]:
    """The source text of the program, followed by all headers."""
    try:
        return [(SOURCES / name).read_bytes() for name in (f"{program}.cu", *_headers())]
    except OSError as failure:
        said = f"{failure.strerror}: {failure.filename}"
        raise KernelError(program=program, said=said) from failure


def _first_lines(log: str) -> str:
    said = [line.strip("\0 ") for line in log.splitlines()]
    errors = [line for line in said if " error" in line] or [line for line in said if line]
    return "; ".join(errors[:_LOG_LINES])


def _read(place: Path) -> bytes | None:
    """The cached bytes; None if there are none or they are damaged."""
    try:
        whole = place.read_bytes()
    except OSError:
        return None
    digest, image = whole[:_DIGEST_BYTES], whole[_DIGEST_BYTES:]
    return image if image and hashlib.sha256(image).digest() == digest else None


def _write(place: Path, image: bytes) -> None:
    """Store all or nothing; several programs may write at the same time."""
    fresh = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
            fresh = Path(file.name)
            file.write(hashlib.sha256(image).digest() + image)
        fresh.replace(place)
    except OSError:
        if fresh is not None:
            fresh.unlink(missing_ok=True)
