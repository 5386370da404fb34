"""The one place where settings become a client of the hub."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import HubError
from app.hub.sources.endpoints import Endpoint, endpoint_of

if TYPE_CHECKING:
    from app.hub.sources.remote import Hub
    from app.store.settings import Values

_NAMES = {"huggingface": "Hugging Face", "modelscope": "ModelScope"}


def endpoint_in(values: "Values") -> Endpoint:
    """The source that the settings name; raises HubUnreachable where its address is none."""
    return endpoint_of(values.hub_source, values.hub_mirror, os.environ)


def source_name(values: "Values") -> str:
    """What people call it; a mirror is called by its host."""
    try:
        endpoint = endpoint_in(values)
    except HubError:
        return values.hub_mirror
    return _NAMES.get(endpoint.kind) or endpoint.host


def open_memory(values: "Values", cache: Path) -> "Hub":
    """A client that asks nobody, neither a hub nor the keyring; raises HubError."""
    from app.hub.sources.remote import Hub

    return Hub(endpoint_in(values), cache_dir=cache, offline=True)


def open_hub(values: "Values", cache: Path) -> "Hub":
    """A client for the source in the settings; raises HubError.

    Loads the network's libraries and asks the keyring: to be called in a thread.
    """
    from app.hub.sources.proxies import whole_proxy
    from app.hub.sources.remote import Hub
    from app.hub.sources.tokens import token_for

    endpoint = endpoint_in(values)
    token, proxy = token_for(endpoint.address), whole_proxy(values.hub_proxy)
    return Hub(endpoint, token, proxy, cache_dir=cache)
