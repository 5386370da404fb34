"""Builds the library of native kernels beside its sources with an installed C++ compiler.

    python -m app.kernels.native.build [--force] [--to FOLDER] [--sanitize address,undefined]

Standard library only: the launcher and the package's own build run it before anything else is
installed.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
NAME = f"_rookery_kernels{_SUFFIX}"

_COMMON = ("entry", "pool", "isa_plain")
_X86_GNU = {
    "isa_avx2": ("-mavx2", "-mfma", "-mf16c", "-mbmi2"),
    "isa_avx512": (
        *("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq"),
        *("-mfma", "-mf16c", "-mbmi2"),
    ),
}
_BF16 = "isa_avx512bf16"  # left out where the compiler is too old for it
_X86_GNU[_BF16] = (*_X86_GNU["isa_avx512"], "-mavx512bf16", "-mavx512vnni")
_X86_MSVC = {
    "isa_avx2": ("/arch:AVX2",),
    "isa_avx512": ("/arch:AVX512",),
    "isa_avx512bf16": ("/arch:AVX512",),
}
_GNU = (
    *("-std=c++17", "-O3", "-fPIC", "-pthread", "-fvisibility=hidden", "-fno-exceptions"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-Wall", "-Wextra"),
    *("-Wno-unused-function", "-Wno-maybe-uninitialized", "-Wno-uninitialized"),
)
# of sanitizers: checks as calls, which gcc compiles in a tenth of the time
_BRIEF = ("--param=asan-instrumentation-with-call-threshold=0",)
_MSVC = ("/nologo", "/std:c++17", "/O2", "/MD", "/EHsc", "/W3")


class BuildError(Exception):
    """The library cannot be built; the text says why in one line."""


class Compiler(NamedTuple):
    """A C++ compiler: its command, and whether it speaks Microsoft's options."""

    command: str
    msvc: bool

    def compile(self, source: Path, made: Path, flags: tuple[str, ...]) -> list[str]:
        """The command that makes an object file."""
        if self.msvc:
            return [self.command, *_MSVC, *flags, "/c", str(source), f"/Fo{made}"]
        return [self.command, *_GNU, *flags, "-c", str(source), "-o", str(made)]

    def knows(self, flags: tuple[str, ...]) -> bool:
        """Whether the compiler accepts these options."""
        if self.msvc:
            return True
        command = [self.command, *flags, "-x", "c++", "-E", os.devnull]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def link(self, objects: list[Path], made: Path, flags: tuple[str, ...]) -> list[str]:
        """The command that makes the library."""
        names = [str(one) for one in objects]
        if self.msvc:
            return [self.command, "/nologo", "/LD", *names, f"/Fe{made}"]
        return [self.command, "-shared", "-pthread", *flags, *names, "-o", str(made)]


def find_compiler() -> Compiler | None:
    """The compiler named by CXX, or the first that is installed."""
    names = (os.environ.get("CXX", ""), "c++", "g++", "clang++", "cl")
    for found in filter(None, (shutil.which(name) for name in names if name)):
        return Compiler(found, Path(found).stem.lower() in ("cl", "clang-cl"))
    return None


def fingerprint() -> str:
    """What the library depends on: all sources, and this file with its options."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.name.encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_fresh(library: Path) -> bool:
    """Whether a library is up to date with its sources; true if there are no sources."""
    if not (HERE / "core.h").exists():
        return library.exists()
    try:
        noted = _note(library).read_text(encoding="ascii")
    except OSError:
        return False
    return library.exists() and noted == _noted(fingerprint(), library)


def build(folder: Path = HERE, sanitize: str = "", *, force: bool = False) -> Path:
    """The path of the library in ``folder``, rebuilt if the sources have changed.

    A library that is in use goes on as it is.  Raises BuildError.
    """
    library = folder / NAME
    if is_fresh(library) and not force:
        return library
    compiler = find_compiler()
    if compiler is None:
        raise BuildError("no C++ compiler (c++, g++, clang++ or cl) is installed")
    extra = (f"-fsanitize={sanitize}", "-g1", "-O1", *_BRIEF) if sanitize else ()
    noted = fingerprint()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            _put(_make(compiler, Path(work), extra), library, noted)
    except OSError as failure:
        raise BuildError(f"{library} cannot be written: {failure.strerror}") from failure
    return library


def _put(made: Path, library: Path, noted: str) -> None:
    """Take the place of the library in one step.

    The note tells the sources and the library itself: it fits no other, whoever else builds here.
    """
    beside = library.with_name(f".{os.getpid()}-{NAME}")
    try:
        shutil.copy2(made, beside)
        noted = _noted(noted, beside)
        os.replace(beside, library)
    finally:
        beside.unlink(missing_ok=True)
    _note(library).write_text(noted, encoding="ascii")


def _noted(sources: str, library: Path) -> str:
    return f"{sources} {hashlib.sha256(library.read_bytes()).hexdigest()}"


def _make(compiler: Compiler, work: Path, extra: tuple[str, ...]) -> Path:
    units = _units(compiler)
    objects = [work / f"{unit}.o" for unit in units]
    commands = [
        compiler.compile(HERE / f"{unit}.cpp", made, (*flags, *extra))
        for (unit, flags), made in zip(units.items(), objects, strict=True)
    ]
    with ThreadPoolExecutor(os.cpu_count() or 1) as several:
        list(several.map(lambda command: _run(command, work), commands))
    library = work / NAME
    _run(compiler.link(objects, library, extra), work)
    return library


def _units(compiler: Compiler) -> dict[str, tuple[str, ...]]:
    """The files to compile on this machine, each with its own options."""
    machine = platform.machine().lower()
    units: dict[str, tuple[str, ...]] = dict.fromkeys(_COMMON, ())
    if not compiler.msvc:
        units["isa_plain"] = ("-O2",)  # -O3 unrolls its loops for minutes
        units["pool"] = ("-fexceptions",)  # a thread that cannot be started is one
    if machine in ("x86_64", "amd64"):
        units |= _X86_MSVC if compiler.msvc else _X86_GNU
        if not compiler.knows(units[_BF16]):
            del units[_BF16]
            units["entry"] = ("-DRK_WITHOUT_BF16=1",)
    elif machine in ("arm64", "aarch64"):
        units["isa_neon"] = ()
    return units


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = (done.stderr + done.stdout).strip()
        lines = [line for line in said.splitlines() if "error" in line] or said.splitlines()
        reason = lines[0] if lines else f"exit code {done.returncode}"
        raise BuildError(f"{Path(command[0]).name} failed: {reason}")


def _sources() -> Iterator[Path]:
    yield from sorted([Path(__file__).resolve(), *HERE.rglob("*.h"), *HERE.rglob("*.cpp")])


def _note(library: Path) -> Path:
    return library.with_name(library.name + ".sha256")


def main() -> int:
    """Build, and say in one line what came of it; 1 if nothing was built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--force", action="store_true", help="even if nothing has changed")
    parser.add_argument("--to", type=Path, default=HERE, metavar="FOLDER")
    parser.add_argument("--sanitize", default="", help="e.g. address,undefined or thread")
    asked = parser.parse_args()
    try:
        library = build(asked.to, asked.sanitize, force=asked.force)
    except BuildError as failure:
        sys.stderr.write(f"The native kernels were not built: {failure}\n")
        return 1
    sys.stdout.write(f"{library}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
