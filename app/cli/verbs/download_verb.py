"""``rookery download``: one model from a hub to this disk, in this process."""

import re
import threading
import time
from argparse import Namespace
from pathlib import Path

import msgspec

from app.cli.hub_choice import chosen_hub
from app.cli.output import Progress as Line
from app.cli.output import emit, note, print_json
from app.errors import Failure, HubMissing
from app.hub.catalogue.entries import Entry, bundled
from app.hub.downloads.bundle import Bundle
from app.hub.downloads.connection_pool import FetchOptions
from app.hub.downloads.rate_limit import Rate, RateLimit
from app.hub.downloads.transfer import Progress, StoppedError
from app.hub.sources.remote import Hub
from app.messages.fact_filling import visible
from app.messages.failures import one_line
from app.messages.translate import tr
from app.messages.units import size

_TRIES = 8
_LOOK_S = 0.2
_STEP = 10  # per cent between two lines where there is no terminal
_SEVERAL = re.compile(r"\.index\.json$|-\d{5}-of-\d{5}\.\w+$", re.ASCII)


def run(options: Namespace) -> int:
    """Download a model and print its path. Raises what ``Bundle.run`` does."""
    choice = chosen_hub(options.endpoint)
    folder = Path(options.to).expanduser() if options.to else choice.models
    entry = _entry(choice.hub, options.repo, options.file)
    how = FetchOptions(connections=choice.chosen.download_connections, tries=_TRIES)
    rate_limit = RateLimit(choice.chosen.download_limit)
    where, verified = folder.absolute(), choice.verified
    bundle = Bundle(
        choice.hub,
        entry,
        where,
        how=how,
        rate_limit=rate_limit,
        verified=verified,
        others=choice.others,
    )
    begun = time.monotonic()
    path = _Run(bundle, visible(entry.name)).path()
    if bundle.missing is not None:
        note(f"rookery: {one_line(bundle.missing)}")
    if options.json:
        facts = {
            "path": str(path),
            "repo": entry.repo,
            "file": entry.file,
            "bytes": bundle.progress.total,
            "sha256": bundle.sha256,
            "missing": one_line(bundle.missing) if bundle.missing else None,
            "seconds": round(time.monotonic() - begun, 3),
        }
        print_json(facts)
    else:
        emit(visible(str(path)))
    return 0


def _entry(hub: Hub, repo: str, file: str) -> Entry:
    """The entry to download, as the hub describes it now. Raises HubError."""
    if _SEVERAL.search(file):
        for entry in hub.entries(repo):
            if file == entry.file or file in [part.path for part in entry.parts]:
                return entry
    try:
        told = hub.facts(repo, file)
    except HubMissing:
        known = hub.catalogued(repo, file)
        if known is None:
            raise
        note(tr("It is not on the hub any more; looking for it elsewhere."))
        return msgspec.structs.replace(known, withdrawn=True)
    sha256 = told.sha256
    if hub.endpoint.kind != "huggingface":  # a mirror has to give what the original gives
        hashes = (entry.sha256 for entry in bundled() if (entry.repo, entry.file) == (repo, file))
        sha256 = next(filter(None, hashes), sha256)
    listed = any((one.repo, one.file) == (repo, file) for one in bundled())
    found = Entry(repo=repo, file=file, bytes=told.bytes, sha256=sha256)
    return found if listed else msgspec.structs.replace(found, source="live")


class _Run:
    """Runs the bundle in a thread, so that Ctrl-C works while it waits for the network."""

    def __init__(self, bundle: Bundle, name: str) -> None:
        self._bundle, self._name = bundle, name
        self._path: Path | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="download")
        self._line, self._rate, self._said = Line(), Rate(), 0

    def path(self) -> Path:
        """The path of the model, after it is complete."""
        self._thread.start()
        try:
            while self._thread.is_alive():
                self._thread.join(_LOOK_S)
                self._show(self._bundle.progress)
        except KeyboardInterrupt:
            self._bundle.stop()
            self._thread.join()
            self._line.clear()
            note(tr("What is there is kept: the same command goes on from there."))
            raise
        finally:
            self._line.clear()
        if self._failure is not None:
            raise self._failure
        assert self._path is not None
        return self._path

    def _work(self) -> None:
        try:
            self._path = self._bundle.run()
        except (Failure, StoppedError) as failure:
            self._failure = failure

    def _show(self, now: Progress) -> None:
        done, total, checked = map(size, (now.done, now.total, now.checked))
        text = tr("{name}: {done} of {total}")
        facts = {"name": self._name, "done": done, "total": total}
        rate = self._rate.note(now.done)
        if now.state == "checking":
            text = tr("{name}: checking, {checked} of {total}")
            facts["checked"] = checked
        elif now.failure is not None:
            text = tr("{name}: {done} of {total}, trying again in {seconds} s: {failure}")
            facts |= {"seconds": f"{now.wait_s:.0f}", "failure": one_line(now.failure)}
        elif rate:
            left = (now.total - now.done) / rate
            text = tr("{name}: {done} of {total}, {rate}/s, {seconds} s left")
            facts |= {"rate": size(rate), "seconds": f"{left:.0f}"}
        line = text.format(**facts)
        self._line.show(visible(line))
        self._say(now, line)

    def _say(self, now: Progress, text: str) -> None:
        """Where there is no terminal to write over: a line for every tenth."""
        done = 100 * now.done // now.total if now.total else 0
        if not self._line.is_seen and done >= self._said + _STEP:
            self._said = done - done % _STEP
            note(visible(text))
