"""``rookery serve``: a local server that other programs ask, until it is ended."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.cli.choices import limits_of, state_cache_of
from app.cli.files import read_text
from app.cli.machine_rates import kept_rates, kept_shortages
from app.cli.output import Progress, emit, loading_line, note, note_loaded, note_unkept
from app.errors import ServerRefused
from app.library.local_library import LocalLibrary
from app.messages.translate import tr
from app.runtime.checkpoint.describe import embedded_model
from app.runtime.worker.supervisor import Supervisor
from app.server.http.guards import is_loopback
from app.server.http.request_record import RequestRecord, RequestRecords
from app.server.http_app import Access
from app.server.local_server import LocalServer
from app.server.model_host import HostOptions, ModelHost
from app.server.server_services import Services
from app.store.paths import standard_paths
from app.store.settings import Settings
from app.system.log import hide

_MINUTE_S = 60.0


def run(options: Namespace) -> int:
    """Serve until a signal ends it.  Raises the failures of the address and of loading."""
    asyncio.run(_Serving(options).run())
    return 0


class _Serving:
    """One run of the verb."""

    def __init__(self, options: Namespace) -> None:
        self._options = options
        self._progress = Progress()

    async def run(self) -> None:
        options, stop = self._options, asyncio.Event()
        supervisor = self._supervisor()
        library = LocalLibrary(*_places(options))
        host = ModelHost(
            supervisor,
            library,
            HostOptions(
                strategy=options.strategy,
                max_batch=options.max_batch,
                waiting=options.max_queue,
                idle_s=options.idle_unload * _MINUTE_S,
            ),
        )
        services = Services(host, RequestRecords(self._log))
        try:
            with _ended_by_signals(stop):
                server = LocalServer(services, options.host, options.port, _access(options))
                with contextlib.closing(server):
                    server.bind()
                    await self._serve(server, services, stop)
        finally:
            self._progress.clear()
            await host.close()
            await supervisor.close()
            library.close()

    async def _serve(self, server: LocalServer, services: Services, stop: asyncio.Event) -> None:
        """The address answers when the model does; what runs at the end is ended with an error."""
        model = self._options.model
        if model is not None:
            opening = asyncio.create_task(services.host.open_first(model))
            if not await _first(opening, stop):
                return
            self._progress.clear()
            note_loaded(opening.result())
        serving = asyncio.create_task(server.serve())
        self._tell(server, services)
        if not await _first(serving, stop, ends=False):
            services.records.stop()
            server.stop()
        await serving

    def _tell(self, server: LocalServer, services: Services) -> None:
        loaded = services.host.runner.loaded
        name = services.host.offered.id_of(loaded) if loaded else ""
        if self._options.json_log:
            self._line(event="listening", address=server.address, model=name)
            return
        if name:
            emit(tr("{name} answers at {address}/v1").format(name=name, address=server.address))
        else:
            emit(tr("Models are opened on demand at {}/v1").format(server.address))

    def _supervisor(self) -> Supervisor:
        options = self._options
        supervisor = Supervisor(lambda: self._show(supervisor))
        supervisor.rates, supervisor.shortages.kept = kept_rates(), kept_shortages()
        supervisor.limits = limits_of(options)
        supervisor.keep_states(state_cache_of(options))
        supervisor.on_unkept = note_unkept
        return supervisor

    def _show(self, supervisor: Supervisor) -> None:
        loading = supervisor.progress
        if loading and not self._options.json_log:
            self._progress.show(loading_line(loading.done, loading.total))
        else:
            self._progress.clear()

    def _log(self, one: RequestRecord) -> None:
        """One line for each request, without its texts."""
        told = {
            "request": one.number,
            "method": one.method,
            "path": one.path,
            "client": one.client,
            "status": one.status,
            "why": one.why,
            "model": one.model,
            "prompt_tokens": one.read,
            "cached_tokens": one.cached,
            "completion_tokens": one.written,
            "seconds": round(one.seconds, 4),
            "client_left": one.cut,
        }
        if self._options.json_log:
            self._line(event="request", **told)
        else:
            why = f" {one.why}" if one.why else ""
            tokens = f" {one.read}+{one.written}" if one.read or one.written else ""
            note(f"{one.method} {one.path} {one.status}{why}{tokens} {one.seconds:.2f} s")

    def _line(self, **told: Any) -> None:
        print(json.dumps({"time": time.time(), **told}), file=sys.stderr, flush=True)


async def _first(task: "asyncio.Task[Any]", stop: asyncio.Event, *, ends: bool = True) -> bool:
    """Whether ``task`` is done before ``stop`` is set, which ends it if so wished."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not task.done() and ends:
        task.cancel()
        await asyncio.wait((task,))
    stopping.cancel()
    return not stop.is_set()


def _access(options: Namespace) -> Access:
    """Raises NotFound and Unreadable where the file cannot be read, ServerRefused for no key."""
    key = options.api_key
    if options.api_key_file is not None:
        key = read_text(options.api_key_file).strip()
        if not key:
            raise ServerRefused(why="key-empty", path=options.api_key_file)
    hide(key)
    names = (options.host,) if is_loopback(options.host) else None
    return Access(key=key, names=names, origins=tuple(options.allow_origin))


def _places(options: Namespace) -> tuple[list[Path], list[Path]]:
    """The folders and single files whose models are offered: those asked for, else the library."""
    model = options.model
    files = [] if model is None else [Path(model)]
    if options.models_folder or model is not None:
        return [Path(folder) for folder in options.models_folder], files
    paths = standard_paths(os.environ.get("ROOKERY_HOME", ""))
    chosen = Settings(paths.settings).now
    folders = [str(paths.models), chosen.download_folder, *chosen.folders]
    files = [*map(Path, chosen.files), embedded_model()]
    return [Path(folder) for folder in dict.fromkeys(folders) if folder], files


@contextlib.contextmanager
def _ended_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C set ``stop``."""
    loop = asyncio.get_running_loop()
    before = {}
    for one in (signal.SIGINT, signal.SIGTERM):
        before[one] = signal.signal(one, lambda *_: loop.call_soon_threadsafe(stop.set))
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
