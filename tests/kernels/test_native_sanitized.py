"""The native kernels pass their parity tests while sanitizers watch every access.

Takes minutes, most of them the compiler's.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.kernels.native import build

# name: what is watched, the runtime to be loaded before all others, its options
SANITIZERS = {
    "address": ("address", "libasan.so", "ASAN_OPTIONS", "detect_leaks=0"),
    "undefined": (
        "shift,signed-integer-overflow,integer-divide-by-zero,float-cast-overflow,pointer-overflow",
        *("libubsan.so", "UBSAN_OPTIONS", "halt_on_error=1"),
    ),
    "thread": ("thread", "libtsan.so", "TSAN_OPTIONS", "exitcode=66:suppressions=torch.txt"),
}
# its own threads wait for each other in ways that the sanitizer cannot see
TORCH = "race:libtorch_cpu.so\nrace:libc10.so\nrace:libgomp\n"
HERE = Path(__file__).parent
PARITY = [
    str(HERE / f"test_{name}.py")
    for name in (
        "native_loras",
        "native_matrices",
        "native_products",
        "native_sequence",
        "parity_quantised",
        "slices",
    )
]


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", SANITIZERS)
def test_parity_holds_under(name, tmp_path):
    compiler = shutil.which("g++")
    if compiler is None or sys.platform != "linux":
        pytest.skip("sanitizers are run with g++ on Linux")
    checks, runtime, variable, options = SANITIZERS[name]
    found = subprocess.run(
        [compiler, f"-print-file-name={runtime}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(found).is_absolute():
        pytest.skip(f"{runtime} is not installed")
    library = build.build(tmp_path, checks)
    known = tmp_path / "torch.txt"
    known.write_text(TORCH)
    environment = os.environ | {
        "LD_PRELOAD": found,
        variable: options.replace(known.name, str(known)),
        "ROOKERY_NATIVE": str(library),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *PARITY],
        cwd=HERE.parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout[-3000:] + done.stderr[-6000:]
    assert done.returncode == 0, said
    assert "Sanitizer" not in said, said
