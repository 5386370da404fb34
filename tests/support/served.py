"""``rookery serve`` as a process, with small real models, for tests that ask it as programs do."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parents[2]


class Served:
    """A server process; ``lines`` are what it has logged, as dictionaries."""

    def __init__(self, *arguments, home):
        environment = {**os.environ, "ROOKERY_HOME": str(home), "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "--port", "0", "--json-log", *arguments],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )
        self.lines, self.other = [], []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._news:
                if line.startswith("{"):
                    self.lines.append(json.loads(line))
                else:
                    self.other.append(line)
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_for(self, **wanted):
        """The first line that has all of this, waited for."""

        def found():
            hits = (line for line in self.lines if wanted.items() <= line.items())
            return next(hits, None)

        with self._news:
            self._news.wait_for(lambda: found() or self.process.poll() is not None, 100)
            line = found()
        assert line, "".join(self.other) or self.lines
        return line

    def forget(self):
        """What was logged so far is not looked at again."""
        with self._news:
            self.lines = [line for line in self.lines if line["event"] == "listening"]

    @property
    def address(self):
        return self.wait_for(event="listening")["address"]

    def client(self, **headers):
        return httpx2.Client(base_url=self.address, headers=headers, timeout=60, trust_env=False)

    def connect(self):
        """A raw socket."""
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        return socket.create_connection((host, int(port)), timeout=60)

    def end(self):
        """As a service manager does; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self._reader.join(10)
            self.process.stderr.close()
            self.process.stdout.close()


@contextlib.contextmanager
def served(*arguments, home):
    """A server that is ended with the block."""
    server = Served(*arguments, home=home)
    try:
        yield server
    finally:
        server.end()
