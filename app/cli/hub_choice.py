"""Chooses the hub: that of the command line, of the environment, or of the settings."""

import os
from dataclasses import dataclass
from pathlib import Path

from app.hub.downloads.verified_files import Verified
from app.hub.sources.endpoints import endpoint_at, endpoint_of, stand_ins
from app.hub.sources.proxies import whole_proxy
from app.hub.sources.remote import Hub
from app.hub.sources.tokens import token_for
from app.messages.failures import one_line
from app.store.paths import standard_paths
from app.store.settings import Settings, Values

from .output import note


@dataclass(frozen=True)
class Choice:
    """A hub, the settings, the folder of models, and the list of verified files.

    ``others`` are hubs that may have what the catalogue lists and ``hub`` no longer has.
    """

    hub: Hub
    chosen: Values
    models: Path
    verified: Verified
    others: tuple[Hub, ...] = ()


def chosen_hub(address: str = "") -> Choice:
    """The hub at ``address``, or the usual one for "". Raises HubUnreachable."""
    paths = standard_paths(os.environ.get("ROOKERY_HOME", ""))
    settings = Settings(paths.settings)
    if settings.trouble is not None:
        note(f"rookery: {one_line(settings.trouble)}")
    chosen = settings.now
    endpoint = (
        endpoint_at(address)
        if address
        else endpoint_of(chosen.hub_source, chosen.hub_mirror, os.environ)
    )
    token, proxy = token_for(endpoint.address), whole_proxy(chosen.hub_proxy)
    hub = Hub(endpoint, token, proxy, cache_dir=paths.hub_cache)
    folder = Path(chosen.download_folder) if chosen.download_folder else paths.models
    others = tuple(Hub(one, "", proxy, cache_dir=paths.hub_cache) for one in stand_ins(endpoint))
    return Choice(hub, chosen, folder, Verified(paths.verified), others)
