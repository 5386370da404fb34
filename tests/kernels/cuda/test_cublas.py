"""cuBLAS as it is bound: which library is taken, and what its functions are given."""

import ctypes
import shutil
import subprocess
import sys

import pytest

from app.kernels.cuda import cublas, toolkit

COMPILER = shutil.which("gcc") or shutil.which("cc")
LIBRARY = """
#include <stddef.h>
static char said[4096];
extern int snprintf(char*, size_t, const char*, ...);
typedef const void* at;
const char* last(void) { return said; }
#define SAY(...) (snprintf(said, sizeof said, __VA_ARGS__), 0)
#define FIRST void *h, int ta, int tb, int m, int n, int k, at alpha
int cublasCreate_v2(void** handle) {
    *handle = (void*)(0x700000000000 + VERSION);
    return 0;
}
int cublasSetStream_v2(void* handle, void* stream) { return SAY("%p %p", handle, stream); }
int cublasSetWorkspace_v2(void* handle, void* place, size_t size) {
    SAY("%p %p %zu", handle, place, size);
    return size ? 0 : 7;
}
int cublasGemmEx(FIRST, at a, int fa, int la, at b, int fb, int lb, at beta, at c, int fc, int lc,
                 int compute, int how) {
    return SAY("%p %d %d %d %d %d %p %p %d %d %p %d %d %p %p %d %d %d %d", h, ta, tb, m, n, k,
               alpha, a, fa, la, b, fb, lb, beta, c, fc, lc, compute, how);
}
int cublasGemmStridedBatchedEx(FIRST, at a, int fa, int la, long long sa, at b, int fb, int lb,
                               long long sb, at beta, at c, int fc, int lc, long long sc, int count,
                               int compute, int how) {
    return SAY("%p %d %d %d %d %d %p %p %d %d %lld %p %d %d %lld %p %p %d %d %lld %d %d %d", h, ta,
               tb, m, n, k, alpha, a, fa, la, sa, b, fb, lb, sb, beta, c, fc, lc, sc, count,
               compute, how);
}
"""

pytestmark = pytest.mark.skipif(
    COMPILER is None or sys.platform != "linux", reason="a library is built with a C compiler"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folders like those of NVIDIA's packages, of two versions that no other library has."""
    whole = tmp_path_factory.mktemp("installed")
    (whole / "cublas.c").write_text(LIBRARY, encoding="utf-8")
    for version in (97, 98):
        inner = whole / f"nvidia/cu{version}/lib"
        inner.mkdir(parents=True)
        for name in ("cublas", "cublasLt"):
            file = f"lib{name}.so.{version}"
            command = [COMPILER, "-shared", "-fPIC", "-w", f"-DVERSION={version}"]
            command += [f"-Wl,-soname,{file}", "-o", str(inner / file), str(whole / "cublas.c")]
            subprocess.run(command, check=True)
    return whole


@pytest.fixture
def installed(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    return folder


def _said(version):
    library = ctypes.CDLL(f"libcublas.so.{version}")  # by its name: it is there already
    library.last.restype = ctypes.c_char_p
    return library.last().decode().split()


def test_the_one_of_the_cuda_that_is_meant_is_taken_whatever_is_loaded(installed):
    ctypes.CDLL(str(installed / "nvidia/cu97/lib/libcublas.so.97"), ctypes.RTLD_GLOBAL)
    assert cublas.load(98).create() == 0x700000000000 + 98
    assert cublas.load(97).create() == 0x700000000000 + 97


def test_each_function_is_given_all_of_its_arguments(installed):
    library = cublas.load(98)
    big = 0x7FF123456789
    library.setStream(5, big)
    assert _said(98) == ["0x5", hex(big)]
    library.setWorkspace(5, big, 32 << 20)
    assert _said(98) == ["0x5", hex(big), str(32 << 20)]
    first, last = (5, 1, 0, 2, 3, 4, big), (68, -1)
    one = (*first, big + 1, 2, 6, big + 2, 14, 7, big + 3, big + 4, 0, 8, *last)
    library.gemmEx(*one)
    assert [int(word, 0) for word in _said(98)] == list(one)
    long = 1 << 40
    many = (*first, big + 1, 2, 6, long, big + 2, 14, 7, long + 1, big + 3)
    many += (big + 4, 0, 8, long + 2, 9, *last)
    library.gemmStridedBatchedEx(*many)
    assert [int(word, 0) for word in _said(98)] == list(many)


def test_a_status_is_told(installed):
    with pytest.raises(cublas.CublasError, match="cublasSetWorkspace_v2 returned status 7") as told:
        cublas.load(98).setWorkspace(5, 256, 0)
    assert told.value.status == 7


def test_what_is_not_installed_is_told():
    with pytest.raises(ImportError, match=r"libcublasLt\.so\.96 is not installed"):
        cublas.load(96)


def test_the_names_are_those_of_nvidia():
    assert toolkit.file_name("cublas", 12, "linux") == "libcublas.so.12"
    assert toolkit.file_name("cublasLt", 13, "win32") == "cublasLt64_13.dll"
    assert toolkit.file_name("nvrtc", 13, "win32") == "nvrtc64_130_0.dll"
