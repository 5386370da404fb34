"""Where torch is taken from, and that no CUDA comes along."""

import json
import socket
from pathlib import Path

import pytest

from launcher import torch_source
from launcher.place import Place
from launcher.torch_source import answers, brings_cuda, install_torch, pinned
from launcher.words import SetupError
from tests.support.checkout import Index, make_wheels, serving

ROOT = Path(__file__).resolve().parents[2]


def _report(*needs: str) -> str:
    return json.dumps({"install": [{"metadata": {"name": "torch", "requires_dist": list(needs)}}]})


def test_an_index_that_shows_torch_answers(tmp_path: Path) -> None:
    make_wheels(tmp_path)
    with serving(Index(tmp_path)) as index:
        assert answers(f"{index.address}/cpu")
    assert index.asked == ["/cpu/torch/"]


def test_an_index_that_refuses_does_not_answer() -> None:
    assert not answers("http://127.0.0.1:9/cpu")


def test_an_index_that_keeps_silent_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not answers(f"http://127.0.0.1:{silent.getsockname()[1]}", limit_s=0.3)


def test_cuda_is_seen_in_what_a_build_needs() -> None:
    assert brings_cuda(_report("filelock", 'nvidia-cublas==13; platform_system == "Linux"'))
    assert brings_cuda(_report('cuda-toolkit[cublas]==13; platform_system == "Linux"'))
    assert not brings_cuda(_report("filelock", "sympy>=1.13", 'nvidia-x; extra == "gpu"'))
    assert not brings_cuda("")


class _Pip:
    """A pip that reports and refuses as told, and keeps what it was asked to install."""

    def __init__(self, report: str, refused: str = "", installed: str = "") -> None:
        self.installed = installed
        self.place = Place(ROOT)
        self.again = "python3 launch.py"
        self.told = report
        self.refused = refused
        self.asked: list[tuple[str, ...]] = []

    def install(self, *what: str) -> None:
        self.asked.append(what)
        if self.refused and self.refused in what:
            raise SetupError("refused")

    def version(self, package: str) -> str:
        return self.installed

    def report(self, *what: str) -> str:
        return self.told


@pytest.fixture(autouse=True)
def _linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_source.sys, "platform", "linux")
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    monkeypatch.delenv("ROOKERY_TORCH", raising=False)


def test_a_build_with_cuda_is_not_taken_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    pip = _Pip(_report("nvidia-cublas"))
    with pytest.raises(SetupError, match=r"ROOKERY_TORCH=any python3 launch\.py"):
        install_torch(pip, "http://127.0.0.1:9")
    assert pip.asked == []
    monkeypatch.setenv("ROOKERY_TORCH", "any")
    install_torch(pip, "http://127.0.0.1:9")
    assert [what[0] for what in pip.asked] == ["--no-deps"]


def test_a_torch_that_is_there_is_kept() -> None:
    wanted = pinned((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    there = _Pip(_report("nvidia-cublas"), installed=f"{wanted}+cpu")
    install_torch(there, "http://127.0.0.1:9")
    assert there.asked == []
    older = _Pip(_report("filelock"), installed="1.0.0+cpu")
    install_torch(older, "http://127.0.0.1:9")
    assert older.asked == [("--no-deps", f"torch=={wanted}")]


def test_the_usual_index_is_tried_where_the_other_fails(tmp_path: Path) -> None:
    with serving(Index(tmp_path)) as index:
        pip = _Pip(_report("filelock"), refused=index.address)
        install_torch(pip, index.address)
    first, second = pip.asked
    assert index.address in first
    assert "--index-url" not in second


def test_elsewhere_than_on_linux_no_other_index_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_source.sys, "platform", "darwin")
    pip = _Pip("")
    install_torch(pip, "http://127.0.0.1:9")
    wanted = pinned((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert pip.asked == [("--no-deps", f"torch=={wanted}")]
