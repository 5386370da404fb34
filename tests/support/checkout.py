"""A checkout in miniature: the real launcher, real pip and real wheels, made here; no network."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROJECT = """\
[project]
name = "miniature"
version = "1"
dependencies = ["torch>=2", "pebble>=1"]

[project.optional-dependencies]
test = ["inspectors"]
cuda12 = []
cuda13 = []
"""
CONSTRAINTS = "torch==2.5.0\npebble==1.2\ninspectors==1.0\n"
PROGRAM = """\
import json, os, sys
import pebble, torch
facts = {"arguments": sys.argv[1:], "folder": os.getcwd(), "pebble": pebble.VERSION}
print(json.dumps(facts))
sys.exit(7 if "--fail" in sys.argv else 0)
"""
INSPECTOR = """\
import os, sys
name = {name!r}
print("inspector", name, *sys.argv[1:])
sys.exit(3 if name in os.environ.get("FAULTY", "").split() else 0)
"""


def make_wheels(folder: Path) -> None:
    """Write the wheels that the miniature's pyproject.toml asks for."""
    folder.mkdir(parents=True, exist_ok=True)
    write_wheel(folder, "torch", "2.5.0", {"torch.py": "VERSION = '2.5.0'\n"})
    write_wheel(folder, "pebble", "1.2", {"pebble.py": "VERSION = '1.2'\n"})
    write_wheel(folder, "pebble", "1.9", {"pebble.py": "VERSION = '1.9'\n"})
    inspectors = {
        f"{name}/{file}": text
        for name in ("ruff", "mypy", "pytest", "importlinter")
        for file, text in (
            ("__init__.py", ""),
            ("__main__.py", INSPECTOR.format(name=name)),
        )
    }
    inspectors["importlinter/cli.py"] = "def run():\n    import importlinter.__main__\n"
    scripts = "[console_scripts]\nlint-imports = importlinter.cli:run\n"
    write_wheel(folder, "inspectors", "1.0", inspectors, entry_points=scripts)


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    files: dict[str, str],
    *,
    needs: tuple[str, ...] = (),
    entry_points: str = "",
) -> Path:
    """A pure-Python wheel with the given files; returns its path."""
    facts = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    tags = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents = {**files, f"{facts}/METADATA": metadata, f"{facts}/WHEEL": tags}
    if entry_points:
        contents[f"{facts}/entry_points.txt"] = entry_points
    record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in contents.items())
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
        archive.writestr(f"{facts}/RECORD", record + f"{facts}/RECORD,,\n")
    return wheel


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Checkout:
    """The launcher's files and a two-line program in a folder of their own."""

    def __init__(self, root: Path, wheels: Path, torch_index: str = "http://127.0.0.1:9") -> None:
        self.root = root
        self.wheels = wheels
        shutil.copytree(ROOT / "launcher", root / "launcher", ignore=_CACHES)
        launch = (ROOT / "launch.py").read_text(encoding="utf-8")
        line = next(row for row in launch.splitlines() if row.startswith("TORCH_CPU_INDEX"))
        launch = launch.replace(line, f'TORCH_CPU_INDEX = "{torch_index}"')
        (root / "launch.py").write_text(launch, encoding="utf-8")
        (root / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
        (root / "constraints.txt").write_text(CONSTRAINTS, encoding="utf-8")
        (root / "app").mkdir()
        (root / "app" / "__init__.py").touch()
        (root / "app" / "__main__.py").write_text(PROGRAM, encoding="utf-8")
        no_tools = root.parent / f"{root.name}-bin"
        no_tools.mkdir()
        # the tests must never change the system they run on
        refusing = no_tools / "apt-get"
        refusing.write_text("#!/bin/sh\necho refused >&2\nexit 100\n", encoding="utf-8")
        refusing.chmod(0o755)
        self._path = f"{no_tools}{os.pathsep}{os.environ['PATH']}"

    def environment(self, **more: str) -> dict[str, str]:
        """Pip as on a machine without network, where the wheels lie in a folder."""
        kept = {name: value for name, value in os.environ.items() if not _foreign(name)}
        return {
            **kept,
            "PATH": self._path,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "QT_QPA_PLATFORM": "offscreen",
            **more,
        }

    def online(self, index: str) -> dict[str, str]:
        """Pip as on a machine that reaches the index at ``index``."""
        environment = self.environment(PIP_INDEX_URL=f"{index}/simple", NO_PROXY="127.0.0.1")
        return {n: v for n, v in environment.items() if n not in {"PIP_NO_INDEX", "PIP_FIND_LINKS"}}

    def begin(
        self, *arguments: str, environment: dict[str, str] | None = None, cwd: Path | None = None
    ) -> "subprocess.Popen[str]":
        """Start launch.py and leave it running."""
        return subprocess.Popen(
            [sys.executable, str(self.root / "launch.py"), *arguments],
            env=environment or self.environment(),
            cwd=cwd or self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def launch(
        self, *arguments: str, environment: dict[str, str] | None = None, cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run launch.py to its end."""
        process = self.begin(*arguments, environment=environment, cwd=cwd)
        out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def facts(self, *arguments: str, cwd: Path | None = None) -> dict[str, object]:
        """What the program says about the way it was started."""
        done = self.launch(*arguments, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


_CACHES = shutil.ignore_patterns("__pycache__")


def _foreign(name: str) -> bool:
    return name.startswith(("PIP_", "PYTHON", "ROOKERY_")) or name.lower().endswith("_proxy")


class Index:
    """A package index on loopback; what is asked of ``held`` waits until ``release`` is set."""

    def __init__(self, wheels: Path) -> None:
        self.wheels = wheels
        self.asked: list[str] = []
        self.held = ""
        self.reached = threading.Event()
        self.release = threading.Event()
        self.address = ""

    def answer(self, path: str) -> bytes | None:
        """The body for a request of ``path``; None where there is nothing."""
        self.asked.append(path)
        if self.held and self.held in path:
            self.reached.set()
            self.release.wait(60)
        if path.endswith(".whl"):
            return (self.wheels / path.rsplit("/", 1)[1]).read_bytes()
        name = path.strip("/").split("/")[-1]
        rows = [f'<a href="/files/{w.name}">{w.name}</a>' for w in self.wheels.glob(f"{name}-*")]
        return ("<!DOCTYPE html><html><body>" + "\n".join(rows) + "</body></html>").encode()


@contextmanager
def serving(index: Index) -> Iterator[Index]:
    """Serve ``index`` at its ``address`` until the block is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._reply(index.answer(self.path), body=False)

        def do_GET(self) -> None:
            self._reply(index.answer(self.path), body=True)

        def _reply(self, content: bytes | None, *, body: bool) -> None:
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if body:
                self.wfile.write(content or b"")

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

        def handle(self) -> None:
            # a client that was killed is what some tests are about
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        index.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
