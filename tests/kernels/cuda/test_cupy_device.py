"""The card that cupy gives, its calls checked against cupy's own and done on the host's memory."""

import threading

import numpy as np
import pytest
import torch

from app.errors import KernelError, OutOfMemory
from app.kernels.cuda import nvrtc
from app.kernels.cuda.base import Base
from app.kernels.cuda.cublas import CublasError
from app.kernels.cuda.device import DTYPES, Product
from app.kernels.cuda.ops import CudaOps
from app.kernels.portable import PortableOps
from app.messages.failures import say
from app.runtime.models import build
from app.runtime.planning.strategy import whole_on
from tests.support.checkpoints import random_tensors
from tests.support.emulation import device as emulation
from tests.support.emulation.device import COMPILER, EmulatedDevice
from tests.support.memory_checkpoint import MemoryCheckpoint

FLOAT = DTYPES["fp32"]
SCALED = """
#include "core.cuh"
extern "C" __global__ void scaled(float* y, const float* x, i64 sign, int width) {
    const int i = blockIdx.y * blockDim.x + threadIdx.x;
    if (i < width) y[blockIdx.x * width + i] = BY * sign * x[blockIdx.x * width + i];
}
"""


@pytest.fixture
def host(monkeypatch):
    pytest.importorskip("cupy")
    monkeypatch.setattr(nvrtc, "known_architectures", lambda: (75, 90))
    monkeypatch.setattr(nvrtc, "version", lambda: (13, 0))
    from tests.support.emulation.host_cuda import HostCuda

    return HostCuda()


@pytest.fixture
def gpu(host):
    from app.kernels.cuda.cupy_device import CupyDevice
    from tests.support.emulation.host_cuda import Images

    device = CupyDevice(host.cuda)
    device._programs = Images()
    return device


def _numbers(shape, form="fp32", seed=0):
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    dtype = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[form]
    drawn = drawn.to(dtype)
    return drawn.view(torch.uint16).numpy() if form == "bf16" else drawn.numpy()


def _placed(device, numbers):
    array = device.empty(numbers.shape, numbers.dtype)
    device.write(array, numbers)
    return array


def test_it_tells_what_card_it_is(gpu):
    assert (gpu.name, gpu.architecture, gpu.processors) == ("NVIDIA Emulation", 90, 2)
    assert gpu.total_bytes == gpu.free_bytes == 1 << 40


def test_what_is_brought_beside_the_work_is_there_after_a_wait_for_it(gpu, host):
    numbers = np.arange(300, dtype=np.uint8) % 251
    locked, array = gpu.locked(300), gpu.empty((300,), np.dtype(np.uint8))
    locked[:] = numbers
    first = gpu.mark()
    host.calls.clear()
    arrived = gpu.bring(array, locked, first)
    gpu.wait_for(arrived)
    assert np.array_equal(gpu.read(array), numbers)
    assert host.waits == [("beside", first), ("work", arrived)]


def test_what_was_written_is_read_again_also_in_views_and_lent_memory(gpu):
    numbers = _numbers((5, 7, 64))
    array = _placed(gpu, numbers)
    assert np.array_equal(gpu.read(array), numbers)
    assert np.array_equal(gpu.read(array[2:4]), numbers[2:4])
    assert gpu.address(array[3]) == gpu.address(array) + 3 * 7 * 64 * 4
    block = gpu.empty((1024,), np.dtype(np.uint8))
    lent = gpu.lend(block, (4, 16), FLOAT, object())
    gpu.write(lent, numbers[0, :1].reshape(4, 16))
    assert np.array_equal(gpu.read(block)[:256].view(np.float32), numbers[0, 0])


@pytest.mark.parametrize("count", [0, 17 << 20])
def test_nothing_and_very_much_is_read_too(gpu, count):
    numbers = np.arange(count, dtype=np.float32)
    assert np.array_equal(gpu.read(_placed(gpu, numbers)), numbers)


def test_lent_memory_keeps_its_holder_until_the_last_view_is_gone(gpu):
    import weakref

    class Holder:
        pass

    holder = Holder()
    gone = weakref.ref(holder)
    lent = gpu.lend(gpu.empty((256,), np.dtype(np.uint8)), (4, 16), FLOAT, holder)
    view = lent[1:]
    del holder, lent
    assert gone() is not None
    del view
    assert gone() is None


def test_a_large_array_is_brought_in_pieces(gpu, host):
    numbers = _numbers((9 << 20,))
    assert np.array_equal(gpu.read(_placed(gpu, numbers)), numbers)
    assert host.calls.count("memcpyAsync") == 3 + 1


def test_a_card_that_reads_the_hosts_own_memory_is_waited_for(host):
    from app.kernels.cuda.cupy_device import CupyDevice

    for reads, waits in ((0, 0), (1, 1)):
        host.attributes[88] = reads
        host.calls.clear()
        _placed(CupyDevice(host.cuda), _numbers((3, 70)))
        assert host.calls.count("streamSynchronize") == waits


def test_arrays_are_cleared_and_copied(gpu):
    numbers = _numbers((3, 70))
    first, second = _placed(gpu, numbers), gpu.empty((3, 70), FLOAT)
    gpu.copy(second, first)
    gpu.clear(first)
    assert np.array_equal(gpu.read(second), numbers)
    assert not gpu.read(first).any()


def test_memory_that_is_not_there_is_told(gpu, host):
    host.total = 1000
    with pytest.raises(OutOfMemory) as caught:
        gpu.empty((2000,), FLOAT)
    assert caught.value.facts == {"needed_bytes": 8000, "free_bytes": 1000}


def test_memory_that_is_not_there_is_told_by_a_card_that_does_not_answer_too(gpu, host):
    from cupy_backends.cuda.api.runtime import CUDARuntimeError

    def refuse():
        raise CUDARuntimeError(700)

    host.total, host.memGetInfo = 1000, refuse
    with pytest.raises(OutOfMemory) as caught:
        gpu.empty((2000,), FLOAT)
    assert caught.value.facts == {"needed_bytes": 8000, "free_bytes": 0}


def test_a_card_on_which_there_is_no_room_even_for_a_context_is_told(host):
    from cupy_backends.cuda.api.runtime import CUDARuntimeError

    from app.kernels.cuda.cupy_device import CupyDevice

    def refuse(device):
        raise CUDARuntimeError(2)

    host.setDevice = refuse
    with pytest.raises(OutOfMemory) as caught:
        CupyDevice(host.cuda)
    assert caught.value.facts == {"needed_bytes": 0, "free_bytes": 0}


def test_what_cuda_refuses_becomes_a_failure_of_the_kernel(gpu, host):
    from cupy_backends.cuda.api.runtime import CUDARuntimeError

    def refuse(stream):
        raise CUDARuntimeError(700)

    host.streamSynchronize = refuse
    with pytest.raises(KernelError) as caught:
        gpu.wait()
    assert "cudaErrorIllegalAddress" in say(caught.value).text


def test_whichever_thread_comes_and_whatever_it_chose_before_it_chooses_the_card(gpu, host):
    host.calls.clear()
    thread = threading.Thread(target=gpu.wait)
    thread.start()
    thread.join()
    gpu.wait()
    gpu.wait()
    assert host.calls == ["setDevice", "streamSynchronize"] * 3


def test_the_products_keep_their_stream_and_workspace(gpu, host):
    x, w, y = (_placed(gpu, _numbers((4, 4))) for _ in range(3))
    for _ in range(3):
        gpu.multiply(y, x, w, Product(4, 4, 4, 4))
    assert host.calls.count("setStream") == host.calls.count("setWorkspace") == 1


@pytest.mark.parametrize(("status", "error"), [(3, OutOfMemory), (13, KernelError)])
def test_what_cublas_refuses_becomes_a_failure(gpu, host, status, error):
    def refuse(*_):
        raise CublasError("cublasGemmEx", status)

    host.gemmEx = refuse
    x, w, y = (_placed(gpu, _numbers((4, 4))) for _ in range(3))
    with pytest.raises(error):
        gpu.multiply(y, x, w, Product(4, 4, 4, 4))


@pytest.mark.parametrize("form", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize(
    "product",
    [
        Product(3, 5, 7, 5),
        Product(1, 6, 4, 6, adds=True),
        Product(4, 3, 5, 9, upright=True),
        Product(3, 5, 7, 5, stack=4, x_step=21, w_step=35, y_step=15),
        Product(2, 5, 6, 20, stack=3, x_step=0, w_step=30, y_step=5, adds=True),
        Product(2, 4, 6, 4, stack=2, x_step=12, w_step=0, y_step=8, upright=True, adds=True),
    ],
)
def test_a_product_by_columns_is_the_product_by_rows(gpu, form, product):
    p = product
    x = _numbers((max(p.x_step * (p.stack - 1), 0) + p.rows * p.width,), form, 1)
    w = _numbers((p.w_step * (p.stack - 1) + p.outputs * p.width,), form, 2)
    y = _numbers((p.y_step * (p.stack - 1) + p.rows * p.pitch,), "fp32", 3)
    found = []
    for device in (gpu, EmulatedDevice()):
        arrays = [_placed(device, one) for one in (y, x, w)]
        device.multiply(*arrays, p)
        found.append(device.read(arrays[0]))
    assert np.allclose(*found, rtol=1e-6, atol=1e-6)
    assert not np.allclose(found[0], y)


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")
def test_a_kernel_is_launched_with_its_words_and_again_in_a_graph(gpu, host, tmp_path, monkeypatch):
    (tmp_path / "core.cuh").write_bytes((nvrtc.SOURCES / "core.cuh").read_bytes())
    (tmp_path / "scaled.cu").write_text(SCALED, encoding="utf-8")
    monkeypatch.setattr(emulation, "SOURCES", tmp_path)
    base, x = Base(gpu), _placed(gpu, _numbers((3, 70)))

    def run():
        y = base.empty((3, 70))
        base.call(gpu.kernel("scaled", "scaled", BY=3), (3, 2), 64, y, x, -1, 70)
        return y

    capture = base.capture(run)
    for seed in (0, 5):
        numbers = _numbers((3, 70), seed=seed)
        gpu.write(x, numbers)
        assert capture.again()
        assert np.array_equal(gpu.read(capture.result), -3 * numbers)
    assert host.calls.count("launchKernel") == 2  # once at once, once into the graph
    assert gpu.kernel("scaled", "scaled", BY=3) is gpu.kernel("scaled", "scaled", BY=3)


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is installed")
@pytest.mark.timeout(600)  # where no other test has compiled the emulated kernels yet
@pytest.mark.parametrize(("form", "limit"), [("fp16", 2e-3), ("int8", 3e-2)])
def test_a_whole_model_runs_on_it_in_graphs_that_texts_join_and_leave(gpu, form, limit):
    checkpoint = MemoryCheckpoint(random_tensors("7.0", layers=2))
    tokens, found = torch.arange(3 * 22).view(3, 22) * 7 % 97, []
    for ops in (PortableOps(), CudaOps(gpu)):
        model = build(checkpoint, ops, whole_on("cpu" if ops.device is None else "cuda", form))
        state = model.blank(3)
        rows = [model.forward(tokens[:, :18], state).clone()]  # 54 rows: through cuBLAS
        rows += [model.forward(tokens[:, at : at + 1], state).clone() for at in (18, 19)]
        state = state.rows([2, 0])
        rows += [model.forward(tokens[[2, 0], at : at + 1], state).clone() for at in (20, 21)]
        found.append(torch.cat(rows))
    assert (found[1] - found[0]).abs().max() < limit * found[0].abs().max()


def test_a_capture_that_fails_leaves_the_card_usable(gpu, host):
    with pytest.raises(ZeroDivisionError):
        gpu.graph(lambda: 1 // 0)
    assert host.recorded is None
    assert np.array_equal(gpu.read(_placed(gpu, _numbers((4,)))), _numbers((4,)))


@pytest.mark.parametrize(
    "name",
    [
        "runtime.memcpyHostToDevice 1",
        "runtime.memcpyDeviceToHost 2",
        "runtime.memcpyDeviceToDevice 3",
        "runtime.cudaDevAttrPageableMemoryAccess 88",
        "runtime.CUDA_R_32F 0",
        "runtime.CUDA_R_16F 2",
        "runtime.CUDA_R_16BF 14",
        "cublas.CUBLAS_COMPUTE_32F 68",
        "cublas.CUBLAS_GEMM_DEFAULT -1",
        "cublas.CUBLAS_OP_T 1",
        "cublas.CUBLAS_OP_N 0",
    ],
)
def test_the_numbers_are_those_of_cuda(host, name):
    path, value = name.split()
    library, name = path.split(".")
    real = getattr(host.cuda, library)._real
    if real is None:
        pytest.skip("cuBLAS is not installed")
    assert getattr(real, name) == int(value)


def test_cupy_has_all_that_is_asked_of_it(host):
    cuda = host.real.cuda
    for owner, names in (
        (cuda.MemoryPool, ("malloc", "free_bytes", "used_bytes")),
        (cuda.Stream, ("begin_capture", "end_capture", "wait_event")),
        (cuda, ("PinnedMemory", "PinnedMemoryPointer")),
        (cuda.Event, ("synchronize", "record")),
        (cuda.function.Module, ("load", "get_function")),
        (cuda.function.Function, ("ptr",)),
        (cuda.graph.Graph, ("launch", "upload")),
    ):
        assert [name for name in names if not hasattr(owner, name)] == []
    assert vars(cuda.memory.OutOfMemoryError(5, 6))["_size"] == 5
