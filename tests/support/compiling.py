"""The card's programs compiled for cards that are not here, by NVRTC or else by nvcc."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from app.errors import KernelError
from app.kernels.cuda import nvrtc

_SPILLED = re.compile(r"(\d+) bytes (?:stack frame|spill stores|spill loads)")
_FEW = 32  # bytes: eight registers come and go with the compiler's version
_NVCC = shutil.which("nvcc")


def compiler():
    """The name of what compiles here, with its version; "" where nothing does."""
    try:
        return "nvrtc {}.{}".format(*nvrtc.version())
    except ImportError:
        return "nvcc" if _NVCC else ""


def complaints(job):
    """What the compiler says of (program, constants, architecture) that it should not.

    What it once had nothing to say about is remembered, by its text.
    """
    program, constants, architecture = job
    key = nvrtc.fingerprint(program, constants, (compiler(), architecture))
    known = Path(tempfile.gettempdir()) / "rookery-compiled-programs" / f"{program}-{key}"
    if known.exists():
        return []
    compiled = _by_nvcc if compiler() == "nvcc" else _by_nvrtc
    bad = [line for line in compiled(*job).splitlines() if _is_bad(line)]
    if not bad:
        known.parent.mkdir(exist_ok=True)
        known.touch()
    return bad


def _is_bad(line):
    if "warning" in line or "error" in line:
        return True
    return any(int(count) > _FEW for count in _SPILLED.findall(line))


def _by_nvrtc(program, constants, architecture):
    wanted = f"sm_{architecture}"
    try:
        image, log = nvrtc.compiled(program, constants, wanted, "--ptxas-options=-v")
    except KernelError as failure:
        return f"error: {failure.facts['why']}"
    assert image.startswith(b"\x7fELF")
    assert "spill stores" in log
    return log


def _by_nvcc(program, constants, architecture):
    source = nvrtc.SOURCES / f"{program}.cu"
    defined = [f"-D{name}={value}" for name, value in constants.items()]
    command = [_NVCC, "-cubin", f"-arch=sm_{architecture}", "-std=c++17", "-Xptxas", "-v"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, *defined, str(source), "-o", f"{folder}/image"],
            capture_output=True,
            text=True,
            check=False,
        )
    return done.stderr if done.returncode == 0 else f"error: {done.stderr}"
