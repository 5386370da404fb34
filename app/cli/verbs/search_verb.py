"""``rookery search``: what can be downloaded, and how it fits this machine."""

import os
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import msgspec

from app.cli.machine_rates import kept_rates
from app.cli.output import emit, note, print_json
from app.errors import HubError
from app.hub.catalogue.disk_fit import Room, room_for
from app.hub.catalogue.entries import Entry, newest_like
from app.hub.catalogue.memory_fit import Fit, fit
from app.hub.catalogue.vocabulary_files import download_bytes
from app.hub.sources.endpoints import HUGGINGFACE, Endpoint, endpoint_at, endpoint_of
from app.hub.sources.proxies import whole_proxy
from app.hub.sources.remote import Hub, Listing
from app.hub.sources.tokens import token_for
from app.messages.fact_filling import visible
from app.messages.failures import fact_in_words, one_line, say
from app.messages.fits import disk_in_words, fit_in_words
from app.messages.translate import tr
from app.messages.units import size
from app.runtime.planning.machine import Limits, Machine, this_machine
from app.store.paths import standard_paths
from app.store.settings import Settings, Values


def run(options: Namespace) -> int:
    """Print what matches, the newest first.

    A list that is not from the hub now is noted on stderr.
    """
    paths = standard_paths(os.environ.get("ROOKERY_HOME", ""))
    settings = Settings(paths.settings)
    if settings.trouble is not None:
        note(f"rookery: {one_line(settings.trouble)}")
    chosen = settings.now
    endpoint, refused = _endpoint(options.endpoint, chosen)
    token = token_for(endpoint.address)  # also offline: what it let see is kept apart
    offline = options.offline or refused is not None
    proxy = "" if offline else whole_proxy(chosen.hub_proxy)
    hub = Hub(endpoint, token, proxy, cache_dir=paths.hub_cache, offline=offline)
    listing = hub.search(" ".join(options.text))
    listing = msgspec.structs.replace(listing, failure=listing.failure or refused)
    folder = Path(chosen.download_folder) if chosen.download_folder else paths.models
    here, limits = this_machine(kept_rates()), chosen.limits
    if options.json:
        print_json(_facts(listing, hub, here, folder, limits))
    else:
        for entry in listing.entries:
            room = room_for(download_bytes(entry), folder)
            line = _line(entry, fit(entry, here, limits=limits), room)
            emit(visible(line + _withdrawn(entry, listing)))
    _note_age(listing)
    return 0


def _endpoint(address: str, chosen: Values) -> tuple[Endpoint, HubError | None]:
    """The hub to ask; if its address is bad, the usual one and the failure."""
    if address:
        return endpoint_at(address), None
    try:
        return endpoint_of(chosen.hub_source, chosen.hub_mirror, os.environ), None
    except HubError as failure:
        return Endpoint("huggingface", HUGGINGFACE), failure


def _note_age(listing: Listing) -> None:
    if listing.failure is not None:
        note(f"rookery: {one_line(listing.failure)}")
    if listing.stale:
        told = tr("Shown is the list that came with the program.")
        if listing.fetched_at:
            told = tr("Shown is the list that came with the program and what the hub told on {}.")
        note(told.format(_day(listing)))
    if not listing.entries:
        note(tr("Nothing was found."))


def _day(listing: Listing) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(listing.fetched_at))


def _line(entry: Entry, fits: Fit, room: Room | None) -> str:
    amount = size(download_bytes(entry)) if entry.bytes else tr("size not known")
    star = "* " if entry.standing == "recommended" else "  "
    word = _word(entry, fits, room)
    by = "  " + tr("(publisher not known)") if entry.unknown else ""
    return f"{star}{entry.title}  {amount}  {word}  {entry.repo}  {entry.file}{by}"


def _withdrawn(entry: Entry, listing: Listing) -> str:
    if not entry.withdrawn:
        return ""
    newest = newest_like(entry, listing.entries) or newest_like(entry, listing.known)
    if not newest:
        return "  " + tr("(withdrawn by its makers)")
    told = tr("(withdrawn by its makers; the newest of its size is {})").format(newest.file)
    return f"  {told}"


def _word(entry: Entry, fits: Fit, room: Room | None) -> str:
    if entry.failure is not None:
        what = fact_in_words(entry.failure, "found") or say(entry.failure).title
        return tr("not run: {}").format(what)
    if room is not None and not room.enough:
        title = disk_in_words(room.needed_bytes, room.free_bytes, room.folder).title
        return tr("{title} ({size} free)").format(title=title, size=size(room.free_bytes))
    word = _words(fits).title
    return f"{word} ({size(fits.needed_bytes)})" if fits.needed_bytes else word


def _words(fits: Fit) -> Any:
    return fit_in_words(
        fits.kind, fits.strategy, fits.needed_bytes, fits.available_bytes, fits.most_bytes
    )


def _facts(
    listing: Listing, hub: Hub, here: Machine, folder: Path, limits: Limits
) -> dict[str, Any]:
    return {
        "endpoint": hub.endpoint.address,
        "fetched_at": listing.fetched_at or None,
        "stale": listing.stale,
        "failure": one_line(listing.failure) if listing.failure else None,
        "machine": _machine(here),
        "entries": [
            _entry(entry, hub, fit(entry, here, limits=limits)) | {"disk": _disk(entry, folder)}
            for entry in listing.entries
        ],
    }


def _machine(here: Machine) -> dict[str, Any]:
    return {
        "available_bytes": here.memory_available,
        "total_bytes": here.memory_total,
        "gpus": msgspec.to_builtins(here.gpus),
    }


def _disk(entry: Entry, folder: Path) -> dict[str, Any] | None:
    room = room_for(download_bytes(entry), folder)
    return None if room is None else {**msgspec.to_builtins(room), "enough": room.enough}


def _entry(entry: Entry, hub: Hub, fits: Fit) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(entry)
    facts["parts"] = [
        {**msgspec.to_builtins(part), "url": hub.url(entry, part)} for part in entry.parts
    ]
    facts["download_bytes"] = download_bytes(entry) or None
    facts["why_not"] = one_line(entry.failure) if entry.failure else None
    facts["fit"] = {**msgspec.to_builtins(fits), "words": _words(fits).sentences.strip()}
    return facts
