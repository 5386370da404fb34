"""The native library: its build, what is loaded and what is refused, its threads and tapes."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import torch

from app.errors import StrategyError
from app.kernels import Affine, open_ops
from app.kernels.native import build
from app.kernels.native.library import Library, LibraryError, Record, load
from app.kernels.native.ops import NativeOps
from app.kernels.portable import PortableOps

needs_compiler = pytest.mark.skipif(
    build.find_compiler() is None, reason="no C++ compiler is installed"
)


@pytest.fixture
def path(built):
    return built


@pytest.fixture
def ops(path):
    return NativeOps(Library(path))


@pytest.fixture
def norm():
    random = torch.Generator().manual_seed(2)
    return Affine(*torch.randn(2, 96, generator=random))


def test_off_means_plain_torch_and_says_so(monkeypatch):
    monkeypatch.setenv("ROOKERY_NATIVE", "off")
    ops = open_ops("cpu")
    assert type(ops) is PortableOps
    assert ops.name == "portable"
    assert "ROOKERY_NATIVE" in ops.note


def test_the_native_operations_are_taken_where_they_load(monkeypatch, path):
    monkeypatch.setenv("ROOKERY_NATIVE", str(path))
    ops = open_ops("cpu")
    assert type(ops) is NativeOps
    assert ops.name == f"native {ops.library.sets[-1]}"
    assert ops.note == ""


def test_no_other_device_is_known():
    with pytest.raises(StrategyError):
        open_ops("abacus")


def test_a_file_that_is_no_library_is_left_alone(monkeypatch, tmp_path):
    broken = tmp_path / build.NAME
    broken.write_bytes(b"not a library")
    monkeypatch.setenv("ROOKERY_NATIVE", str(broken))
    with pytest.raises(LibraryError, match="does not load"):
        load()
    assert type(open_ops("cpu")) is PortableOps


@pytest.mark.skipif(sys.platform != "linux", reason="takes Linux's C library for another one")
def test_a_library_of_something_else_is_left_alone(monkeypatch):
    monkeypatch.setenv("ROOKERY_NATIVE", "libc.so.6")
    with pytest.raises(LibraryError, match="does not load"):
        load()


def test_a_library_older_than_its_sources_is_not_used(monkeypatch, tmp_path):
    library = tmp_path / build.NAME
    library.touch()
    (tmp_path / f"{build.NAME}.sha256").write_text("of other sources", encoding="ascii")
    monkeypatch.setattr(build, "HERE", tmp_path)
    (tmp_path / "core.h").touch()
    monkeypatch.delenv("ROOKERY_NATIVE", raising=False)
    with pytest.raises(LibraryError, match="older than its sources"):
        load()


def test_an_installation_without_sources_takes_the_library_as_it_is(monkeypatch, tmp_path):
    (tmp_path / build.NAME).touch()
    monkeypatch.setattr(build, "HERE", tmp_path)
    assert build.is_fresh(tmp_path / build.NAME)


def test_without_a_compiler_the_build_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(build.BuildError, match="compiler"):
        build.build(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_compiler_that_fails_is_quoted(monkeypatch, tmp_path):
    script = tmp_path / "c++"
    script.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('error: out of order')\n")
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    with pytest.raises(build.BuildError, match="out of order"):
        build.build(tmp_path / "made")


def test_a_fresh_library_is_not_built_again(path):
    before = path.stat().st_mtime_ns
    assert build.build(path.parent) == path
    assert path.stat().st_mtime_ns == before


def test_a_library_that_another_build_has_put_there_is_not_taken_for_this_one(path, tmp_path):
    for name in (build.NAME, f"{build.NAME}.sha256"):
        shutil.copy(path.with_name(name), tmp_path)
    library = tmp_path / build.NAME
    assert build.is_fresh(library)
    library.write_bytes(library.read_bytes()[:-1])
    assert not build.is_fresh(library)


@needs_compiler
def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(build.BuildError, match="cannot be written"):
        build.build(tmp_path / "file" / "folder")


@pytest.mark.skipif(os.name != "posix", reason="the compiler is a script")
def test_an_instruction_set_that_the_compiler_does_not_know_is_left_out(monkeypatch, tmp_path):
    old = tmp_path / "c++"
    old.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('-mavx512bf16' in sys.argv)\n")
    old.chmod(0o755)
    monkeypatch.setattr(build.platform, "machine", lambda: "x86_64")
    units = build._units(build.Compiler(str(old), False))
    assert "isa_avx512" in units
    assert "isa_avx512bf16" not in units
    assert units["entry"] == ("-DRK_WITHOUT_BF16=1",)


def test_the_instruction_set_can_be_chosen(path):
    ask = "import sys; from app.kernels.native.library import *; print(load().chosen)"
    environment = os.environ | {"ROOKERY_NATIVE": str(path), "ROOKERY_ISA": "plain"}
    done = subprocess.run(
        [sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "plain", done.stderr


def test_an_instruction_set_that_is_missing_is_refused(path):
    with pytest.raises(LibraryError, match="mmx"):
        Library(path).choose("mmx")


def test_a_call_of_no_kernel_is_refused(path):
    with pytest.raises(LibraryError):
        Library(path).run(Record(10**6), 1, 2)


@pytest.mark.parametrize("threads", [1, 2, 3, 9])
def test_lists_of_calls_are_done_in_order_by_any_number_of_threads(ops, norm, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        x = torch.linspace(-1, 2, 96)[None]

        def run():
            y = x
            for _ in range(50):
                y = ops.norm(y, norm)
            return y

        tape = ops.capture(run)
        for shift in range(20):
            x += shift
            wanted = x
            for _ in range(50):
                wanted = ops.plain.norm(wanted, norm)
            assert tape.again()
            torch.testing.assert_close(tape.result, wanted, rtol=1e-3, atol=1e-3)
    finally:
        torch.set_num_threads(before)


def test_several_threads_of_the_program_may_call_at_once(ops, norm):
    x = torch.linspace(-1, 2, 96)[None]
    wanted, wrong = ops.plain.norm(x, norm), []

    def ask():
        found = [ops.norm(x, norm) for _ in range(200)]
        wrong.extend(one for one in found if not torch.allclose(one, wanted, atol=1e-5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


_ELSEWHERE = """
import os, sys, torch
from pathlib import Path
from app.kernels import Affine
from app.kernels.native.library import Library
from app.kernels.native.ops import NativeOps

def run():
    x = torch.linspace(-1, 2, 7 * 96).view(7, 96)
    y = ops.norm(x, Affine(torch.ones(96), torch.zeros(96)))
    assert abs(float(y.mean())) < 1e-5 and abs(float(y[6].std()) - 1) < 0.02

ops = NativeOps(Library(Path(sys.argv[1])))
torch.set_num_threads(3)
"""

_FORKED = """
run()
child = os.fork()
if child == 0:
    run()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
run()
"""

_NO_THREADS = """
import resource
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
if os.geteuid() == 0:
    os.setuid(65534)  # the limit is not for root
run()
run()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits as Linux has them")
@pytest.mark.parametrize("what", [_FORKED, _NO_THREADS], ids=["forked", "no threads"])
def test_a_process_without_the_threads_goes_on(path, what):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ELSEWHERE + what, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="closes memory as Linux does")
@pytest.mark.parametrize("more", [(), pytest.param(("all",), marks=pytest.mark.exhaustive)])
def test_no_kernel_reads_or_writes_past_an_end(path, more):
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernels.guarded", str(path), *more],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == list(Library(path).sets)


def test_waiting_threads_sleep(ops, norm):
    ops.norm(torch.zeros(4, 96), norm)
    process = psutil.Process()
    begun = time.monotonic()
    while True:  # other threads of this process, as torch's, may still be coming to rest
        before = sum(process.cpu_times()[:2])
        time.sleep(0.5)
        if sum(process.cpu_times()[:2]) - before < 0.02:
            return
        assert time.monotonic() - begun < 30


def test_a_tape_repeats_what_only_torch_does(ops):
    x, weight = torch.randn(3, 1, 1, 40), torch.randn(3, 50, 40).double()

    def run():
        y = ops.matmul_stack(x.double(), weight)  # float64 has no kernel
        return ops.matmul(y, torch.eye(50), "relu2")

    tape = ops.capture(run)
    torch.testing.assert_close(tape.result.double(), _twin(x, weight), rtol=1e-4, atol=1e-4)
    held = tape.result
    assert tape.again()
    assert tape.result is held
    assert not tape.again([(1, 2, 3)])


def _twin(x, weight):
    return (x.double() @ weight.mT[:, None]).relu().square()


def test_a_tape_is_not_run_by_more_threads_than_it_has_memory_for(ops, norm):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        tape = ops.capture(lambda: ops.norm(torch.zeros(1, 96), norm))
        torch.set_num_threads(3)
        assert not tape.again()
        torch.set_num_threads(1)
        assert tape.again()
    finally:
        torch.set_num_threads(before)


def test_memory_of_a_tape_is_used_again(ops, norm):
    x = torch.linspace(-1, 2, 96)[None]
    places = []

    def run():
        y = x
        for _ in range(10):
            y = ops.norm(y, norm)
            places.append(y.data_ptr())
        return y

    ops.capture(run)
    assert len(set(places)) <= 3


def test_a_capture_that_fails_leaves_nothing_behind(ops, norm):
    def run():
        ops.norm(torch.zeros(1, 96), norm)
        raise KeyError("stop")

    with pytest.raises(KeyError):
        ops.capture(run)
    assert ops.norm(torch.zeros(1, 96), norm).shape == (1, 96)
    assert ops._tape is None


AT_LOAD = ("upload", "place_loras", "table", "zeros", "pack", "place", "capture", "host")
COMPOSED = ("attend7", "chains7")  # of operations each of which is told
SAME_MEMORY = ("from_host", "in_slot")  # gives what lies on the host already, and computes nothing


@needs_compiler
def test_every_operation_of_the_plain_backend_is_told_to_the_tape():
    for name in dir(PortableOps):
        if name.startswith("_") or not callable(getattr(PortableOps, name)):
            continue
        if name not in (*AT_LOAD, *COMPOSED, *SAME_MEMORY):
            assert getattr(NativeOps, name) is not getattr(PortableOps, name), name
