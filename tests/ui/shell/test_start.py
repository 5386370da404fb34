"""The whole program as a process: what it loads, how fast it is there, how it ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from app.store.paths import standard_paths
from app.ui.shell.single_instance import SingleInstance

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("torch", "cupy", "numpy", "pyqtgraph", "gguf", "tokenizers")
NETWORK = ("huggingface_hub", "httpx2", "keyring")


def environment(home):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    return plain | {
        "ROOKERY_HOME": str(home),
        "QT_QPA_PLATFORM": "offscreen",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }


def scene(home, code, page="models"):
    """What the program printed that ran ``code``, see ``run``."""
    return json.loads(run(home, code, page).stdout)


def run(home, code, page="models"):
    """Run the program with ``code`` as the body of ``async def played(application)``.

    It begins on ``page``; ``began`` is the time at which the interpreter had started.
    """
    settings = standard_paths(str(home)).settings
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"page": page}))
    program = f"""
import time; began = time.perf_counter()
import asyncio, sys
from app.ui.shell import application, main

async def played(self):
{textwrap.indent(textwrap.dedent(code), "    ")}
    self.window.close()

class Played(application.Application):
    def open(self):
        super().open()
        self.services.tasks.start(played(self))

main.Application = Played
code = main.run()
import gc
left = [one for one in gc.get_objects() if isinstance(one, asyncio.Task) and not one.done()]
sys.exit(f"left pending: {{left}}" if left else code)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def home(tmp_path, guide):
    """A place of its own, where the small test model was open last."""
    settings = standard_paths(str(tmp_path)).settings
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"model": str(guide), "page": "models"}))
    return tmp_path


@pytest.fixture
def program(home):
    """Starts the program; ends what is left of it."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-m", "app"],
            cwd=ROOT,
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def worker_of(process, limit_s=20.0):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if children := psutil.Process(process.pid).children(recursive=True):
            return children[0]
        time.sleep(0.05)
    raise AssertionError("no worker was started")


def gone(process, limit_s):
    try:
        process.wait(limit_s)
    except psutil.TimeoutExpired:
        return False
    return True


def test_what_begins_while_the_window_ends_is_ended_as_well(home):
    scene(
        home,
        """
        close = self._session.close

        async def late():
            self.services.tasks.start(asyncio.sleep(60))
            await close()

        self._session.close = late
        print(0)
        """,
    )


def test_pages_load_what_they_need_alone_and_nothing_that_computes(home):
    """The network is the Models page's; numpy and pyqtgraph come with the first plot."""
    before, models, plot = scene(
        home,
        f"""
        import json
        def loaded():
            return [name for name in {(*HEAVY, *NETWORK)} if name in sys.modules]
        for page in ("chat", "playground", "downloads", "settings"):
            self.window.go(page)
            await asyncio.sleep(0.2)
        while not self.library.scanned:
            await asyncio.sleep(0.02)
        before = loaded()
        self.window.go("models")
        await asyncio.sleep(0.2)
        models = loaded()
        page = self.window.go("status")
        while not page.history.cards:
            await asyncio.sleep(0.02)
        print(json.dumps([before, models, loaded()]))
        """,
        page="chat",
    )
    assert before == []
    assert set(models) <= set(NETWORK)
    assert set(plot) - set(models) - set(NETWORK) == {"pyqtgraph", "numpy"}


def test_the_window_is_usable_after_little_work(home):
    """Its own work is what is bounded: other programs may hold the processor."""
    code = """
        import json
        await asyncio.sleep(0)
        print(json.dumps(time.process_time()))
        """
    # the first may be the one that writes the byte code
    assert min(scene(home, code) for _ in range(2)) < 1.2  # 0.4 s on a server's core


def test_an_idle_window_uses_less_than_one_percent_of_a_core(home):
    share = scene(
        home,
        """
        self.window.go("models")
        while self.library.scanning or not self.library.scanned:
            await asyncio.sleep(0.1)
        while self.services.session.loaded is None and self.services.session.failure is None:
            await asyncio.sleep(0.1)
        while self.services.session.loaded and self.services.session.rates is None:
            await asyncio.sleep(0.1)  # the machine is measured once
        await asyncio.sleep(1)
        used, began = time.process_time(), time.perf_counter()
        await asyncio.sleep(4)
        print((time.process_time() - used) / (time.perf_counter() - began))
        """,
    )
    assert share < 0.01


def test_the_model_that_was_open_last_is_opened_by_a_real_worker(home, guide):
    told = scene(
        home,
        """
        import json, contextlib
        from app.runtime.protocol.messages import Done, Piece
        from app.runtime.protocol.generate_options import GenerateOptions
        from app.runtime.protocol.prompts import Sampling, Text
        session = self.services.session
        while session.loaded is None:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        pill, pid, words = self.window.strip.pill.text(), session.worker_pid, ""
        events = session.generate(
            Text("AB"), GenerateOptions(limit=8, sampling=Sampling(temperature=0))
        )
        async with contextlib.aclosing(events):
            async for event in events:
                done = event
        print(json.dumps([pill, pid, done.tokens, session.tokens_written, session.loaded.path]))
        """,
    )
    pill, pid, tokens, written, path = told
    assert "RWKV-7.0" in pill
    assert tokens == written == 8
    assert path == str(guide)
    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_the_window_in_order(program, home, number):
    process = program()
    worker = worker_of(process)
    time.sleep(0.5)
    process.send_signal(number)
    out, err = process.communicate(timeout=15)
    assert process.returncode == 0, err
    assert err == b""
    assert out == b""
    assert gone(worker, 2)
    settings = json.loads(standard_paths(str(home)).settings.read_text())
    assert settings["window"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_killed_window_leaves_no_worker(program):
    process = program()
    worker = worker_of(process)
    process.kill()
    assert gone(worker, 2), "the worker outlived its window"


def test_a_second_start_rings_at_the_first_window_and_leaves(program, home, qtbot):
    bell = SingleInstance(standard_paths(str(home)).data)
    assert not bell.answered()
    assert bell.listen()
    with qtbot.waitSignal(bell.rung, timeout=20_000):
        second = program()
    qtbot.waitUntil(lambda: second.poll() is not None, timeout=10_000)
    assert second.returncode == 0
    bell.close()


def test_a_bell_left_behind_by_a_killed_window_is_no_hindrance(home, qtbot):
    data = standard_paths(str(home)).data
    code = """
        import json
        print(json.dumps(True), flush=True)
        import os; os._exit(0)
        """
    assert scene(home, code)
    bell = SingleInstance(data)
    assert not bell.answered()
    assert bell.listen()
    bell.close()


def test_a_bug_that_is_raised_while_the_window_ends_is_printed(home):
    ended = run(
        home,
        """
        import threading
        async def late():
            try:
                await asyncio.sleep(60)
            finally:
                raise ZeroDivisionError("too late for the window")
        self.loose = asyncio.get_running_loop().create_task(late())
        """,
    )
    assert ended.stderr.count("too late for the window") == 1


def test_no_other_thread_collects_garbage_before_all_threads_have_ended(home):
    """A timer or a widget that is collected in another thread can end the process."""
    told = scene(
        home,
        """
        import gc, json, threading
        loop, enable = asyncio.get_running_loop(), gc.enable
        def enabled():
            left = [one.name for one in threading.enumerate() if one.name.startswith("asyncio")]
            print(json.dumps([loop.is_closed(), left]))
            enable()
        gc.enable = enabled
        await asyncio.to_thread(gc.isenabled)
        """,
    )
    assert told == [True, []]
