"""launch.py from outside: real processes, a real pip, wheels made on the spot, no network."""

import ast
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import Checkout, Index, make_wheels, serving

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheels(folder)
    return folder


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Checkout:
    """A checkout whose first start found no network and whose second one repaired that."""
    checkout = Checkout(tmp_path_factory.mktemp("ready") / "a checkout", wheels)
    offline = checkout.online("http://127.0.0.1:9") | {"PIP_RETRIES": "0"}
    failed = checkout.launch("generate", environment=offline)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.splitlines()[-1].startswith("The package index cannot be reached")
    assert "python3 launch.py generate" in failed.stderr
    assert "Setting Rookery up" in failed.stderr
    assert not (checkout.root / ".venv" / "rookery.json").exists()

    done = checkout.launch("generate", "--prompt", "two words", "--fail")
    assert done.returncode == 7
    assert json.loads(done.stdout)["arguments"] == ["generate", "--prompt", "two words", "--fail"]
    assert done.stderr.startswith("Going on with the set-up")
    return checkout


def test_the_constraints_choose_the_version(ready: Checkout) -> None:
    assert ready.facts("inspect")["pebble"] == "1.2"


def test_a_second_start_asks_no_pip_and_says_nothing(ready: Checkout) -> None:
    site = next((ready.root / ".venv").glob("**/site-packages"))
    hidden = site / "pip-hidden"
    (site / "pip").rename(hidden)
    try:
        done = ready.launch("inspect")
    finally:
        hidden.rename(site / "pip")
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="what children worked is not told there")
def test_a_second_start_takes_well_under_a_second_of_work(ready: Checkout) -> None:
    costs = []
    for _ in range(2):
        before = os.times()
        assert ready.launch("setup").returncode == 0
        costs.append(sum(os.times()[2:4]) - sum(before[2:4]))
    assert min(costs) < 0.7


def test_the_program_keeps_the_folder_it_was_started_from(ready: Checkout, tmp_path: Path) -> None:
    decoy = tmp_path / "app"
    decoy.mkdir()
    (decoy / "__init__.py").touch()
    (decoy / "__main__.py").write_text("raise SystemExit('the wrong program')", encoding="utf-8")
    facts = ready.facts("inspect", "model.pth", cwd=tmp_path)
    assert facts["folder"] == str(tmp_path)
    assert facts["arguments"] == ["inspect", "model.pth"]


def test_no_words_open_the_window(ready: Checkout) -> None:
    assert ready.facts()["arguments"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_the_terminal_chat_starts(ready: Checkout) -> None:
    shown = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    blind = {name: value for name, value in ready.environment().items() if name not in shown}
    done = ready.launch(environment=blind)
    assert json.loads(done.stdout)["arguments"] == ["chat"]
    assert done.stderr.startswith("There is no display here")


def test_help_comes_without_a_set_up(tmp_path: Path, wheels: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", wheels)
    done = checkout.launch("--help")
    assert done.returncode == 0
    assert "launch.py test" in done.stdout
    assert not (checkout.root / ".venv").exists()


def test_the_test_verb_runs_every_check_and_pytest_last(ready: Checkout) -> None:
    done = ready.launch("test", "tests/one", environment=ready.environment(FAULTY="ruff mypy"))
    tests = "inspector pytest -n 3 --dist loadfile --no-loadscope-reorder tests/one"
    assert done.returncode == 1
    said = [line for line in done.stdout.splitlines() if line.startswith("inspector")]
    assert said == [
        "inspector ruff check .",
        "inspector ruff format --check .",
        "inspector mypy",
        "inspector importlinter",
        tests,
    ]
    assert "== failed before the tests: ruff check, ruff format, mypy" in done.stdout
    assert done.stdout.splitlines()[-1] == tests

    assert ready.launch("test").returncode == 0
    assert ready.launch("test", environment=ready.environment(FAULTY="pytest")).returncode == 1


def test_a_changed_list_of_packages_is_brought_in(ready: Checkout) -> None:
    constraints = ready.root / "constraints.txt"
    before = constraints.read_text(encoding="utf-8")
    constraints.write_text(before.replace("pebble==1.2", "pebble==1.9"), encoding="utf-8")
    assert ready.facts("inspect")["pebble"] == "1.9"
    constraints.write_text(before.replace("pebble==1.2", "pebble==3"), encoding="utf-8")
    failed = ready.launch("inspect")
    assert failed.returncode == 1
    assert "no pebble" in failed.stderr.splitlines()[-1]
    constraints.write_text(before, encoding="utf-8")
    assert ready.facts("inspect")["pebble"] == "1.2"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_set_up_ends_its_pip_and_says_so(
    tmp_path: Path, wheels: Path, stop: signal.Signals
) -> None:
    with serving(Index(wheels)) as index:
        checkout, environment = _held_checkout(tmp_path, index)
        process = checkout.begin("inspect", environment=environment)
        assert index.reached.wait(60)
        process.send_signal(stop)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1].startswith("Stopped.")
    assert "Traceback" not in err
    assert (checkout.root / ".setup" / "unfinished").exists()
    assert not (checkout.root / ".venv" / "rookery.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_set_up_is_made_anew_after_its_pip_has_ended(tmp_path: Path, wheels: Path) -> None:
    with serving(Index(wheels)) as index:
        checkout, environment = _held_checkout(tmp_path, index)
        killed = checkout.begin("inspect", environment=environment)
        assert index.reached.wait(60)
        killed.kill()
        assert killed.wait(30) == -signal.SIGKILL
        second = checkout.begin("inspect", environment=environment)
        assert second.stderr is not None
        assert "waiting for it" in second.stderr.readline()
        index.release.set()
        out, err = second.communicate(timeout=60)
        killed.communicate(timeout=30)
    assert second.returncode == 0, err
    assert "Setting Rookery up" in err
    assert json.loads(out)["pebble"] == "1.2"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has an index of CPU builds")
def test_two_starts_at_once_set_up_once_with_torch_from_its_own_index(
    tmp_path: Path, wheels: Path
) -> None:
    with serving(Index(wheels)) as index:
        checkout, environment = _held_checkout(tmp_path, index)
        first = checkout.begin("inspect", environment=environment)
        assert index.reached.wait(60)
        second = checkout.begin("inspect", environment=environment)
        assert second.stderr is not None
        assert "waiting for it" in second.stderr.readline()
        index.release.set()
        ends = [process.communicate(timeout=60) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), ends
    assert "Ready after" in ends[0][1]
    assert ends[1][1] == ""
    assert index.asked.count("/cpu/torch/") >= 1
    assert not any(path.startswith("/simple/torch") for path in index.asked)


def test_an_unsupported_python_is_refused_in_one_sentence() -> None:
    pretend = "import sys, runpy; sys.version_info = (3, 9, 1); runpy.run_path('launch.py')"
    done = subprocess.run(
        [sys.executable, "-c", pretend], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Rookery needs Python 3.11, 3.12 or 3.13, but this is Python 3.9")
    assert len(done.stderr.splitlines()) == 1


def test_old_pythons_can_read_the_refusal() -> None:
    tree = ast.parse((ROOT / "launch.py").read_text(encoding="utf-8"))
    newer = ast.JoinedStr | ast.AnnAssign | ast.NamedExpr | ast.Match | ast.FunctionDef
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]


def _held_checkout(folder: Path, index: Index) -> tuple[Checkout, dict[str, str]]:
    """A checkout whose first set-up waits in the middle, at pebble, for the index's release."""
    index.held = "pebble-1.2"
    checkout = Checkout(folder / "checkout", index.wheels, f"{index.address}/cpu")
    return checkout, checkout.online(index.address)
