"""Addresses of the hubs: Hugging Face, mirrors of it, ModelScope; makes no requests."""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote, urlsplit

import msgspec

from app.errors import HubUnreachable, NetworkSettingRefused

Kind = Literal["huggingface", "mirror", "modelscope"]

HUGGINGFACE = "https://huggingface.co"
MODELSCOPE = "https://modelscope.cn"
MIRROR = "https://hf-mirror.com"

# Owners that have another name on ModelScope.
_THERE = {"BlinkDL": "Blink_DL"}
_HERE = {there: here for here, there in _THERE.items()}
_HOST = re.compile(r"[A-Za-z0-9._\-\[\]:]+", re.ASCII)


class Endpoint(msgspec.Struct, frozen=True):
    """One hub; ``address`` is a URL without a slash at its end.

    Repositories are named as on Hugging Face here, whatever this hub calls them.
    """

    kind: Kind
    address: str

    @property
    def host(self) -> str:
        """The host name for sentences, e.g. "huggingface.co"."""
        return urlsplit(self.address).netloc.rpartition("@")[2]

    @property
    def is_modelscope(self) -> bool:
        """Whether it has ModelScope's API; the others have Hugging Face's."""
        return self.kind == "modelscope"

    def page(self, repo: str) -> str:
        """The address of a repository's web page."""
        return f"{self.address}/{self._below(repo)}"

    def file(self, repo: str, path: str, revision: str = "main") -> str:
        """The address of a file, which may redirect to another host."""
        if self.is_modelscope and revision == "main":
            revision = "master"
        return f"{self.page(repo)}/resolve/{quote(revision, safe='')}/{quote(path)}"

    def there(self, repo: str) -> str:
        """The name of a repository, or of an owner alone, at this hub."""
        return _renamed(repo, _THERE) if self.is_modelscope else repo

    def here(self, repo: str) -> str:
        """The Hugging Face name for a repository, or an owner alone, of this hub."""
        return _renamed(repo, _HERE) if self.is_modelscope else repo

    def _below(self, repo: str) -> str:
        return f"models/{self.there(repo)}" if self.is_modelscope else repo


def endpoint_of(
    source: str = "huggingface", mirror: str = "", environment: Mapping[str, str] | None = None
) -> Endpoint:
    """The hub that the settings name; ``HF_ENDPOINT`` replaces the usual one.

    Raises HubUnreachable (facts host, why) if an address is invalid.
    """
    if source == "modelscope":
        return Endpoint("modelscope", MODELSCOPE)
    if source == "mirror" and mirror.strip():
        return endpoint_at(mirror)
    elsewhere = (environment or {}).get("HF_ENDPOINT", "")
    if not elsewhere.strip():
        return Endpoint("huggingface", HUGGINGFACE)
    try:
        return endpoint_at(elsewhere)
    except HubUnreachable as failure:
        raise NetworkSettingRefused(
            variable="HF_ENDPOINT", given=elsewhere, why="no-web-address"
        ) from failure


def endpoint_at(address: str) -> Endpoint:
    """The hub at an address that a person typed; without a scheme it is taken as https.

    Raises HubUnreachable (facts host, why) if it is no address.
    """
    text = address.strip()
    text = (text if "://" in text else f"https://{text}").rstrip("/")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise _no_address(address) from error
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        raise _no_address(address)
    if parts.query or parts.fragment:
        raise _no_address(address)
    name = (parts.hostname or "").lower()
    if name.removeprefix("www.").startswith("modelscope."):
        return Endpoint("modelscope", text)
    return Endpoint("huggingface" if text == HUGGINGFACE else "mirror", text)


def stand_ins(endpoint: Endpoint) -> tuple[Endpoint, ...]:
    """Other public hubs that may still have a file that this one lacks.

    None for a hub of the person's own, who has asked for that one only.
    """
    public = tuple(map(endpoint_at, (HUGGINGFACE, MIRROR, MODELSCOPE)))
    return tuple(one for one in public if one != endpoint) if endpoint in public else ()


def _no_address(given: str) -> HubUnreachable:
    return HubUnreachable(host=given.strip(), why="no-web-address")


def _renamed(repo: str, names: Mapping[str, str]) -> str:
    owner, slash, name = repo.partition("/")
    return f"{names.get(owner, owner)}{slash}{name}"
