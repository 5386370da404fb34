"""A client for ModelScope's API, which differs from Hugging Face's.

The addresses are those that its own SDK (github.com/modelscope/modelscope, hub/api.py) requests.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from app.errors import HubGarbled, HubMissing
from app.hub.catalogue.entries import Part

from .connection import about, connection
from .endpoints import Endpoint
from .repository import Contents, Repository, is_repository, part_of, word
from .request_budget import request_budget
from .token_settings import checked_headers

_PAGE = 100
_PAGES = 4
_REVISION = "master"
_LICENCES = {"apache license 2.0": "apache-2.0", "mit license": "mit"}


class ModelScope:
    """One endpoint; repositories go by their Hugging Face names.  Every method raises HubError."""

    def __init__(self, endpoint: Endpoint, token: str, proxy: str, limit_s: float) -> None:
        self._endpoint, self._token = endpoint, token
        self._proxy, self._limit_s = proxy, limit_s
        self._api = f"{endpoint.address}/api/v1"

    def owned(self, account: str) -> tuple[Repository, ...]:
        """The repositories of an account."""
        with request_budget(self._endpoint.address):
            return self._all_pages(account)

    def _all_pages(self, account: str) -> tuple[Repository, ...]:
        found: list[Repository] = []
        for page in range(1, _PAGES + 1):
            asked = {"Path": self._endpoint.there(account), "PageNumber": page, "PageSize": _PAGE}
            models = _list(self._data("PUT", "/models/", json=asked), "Models")
            found += self._repositories(models)
            if len(models) < _PAGE:
                break
        return tuple(found)

    def found(self, text: str, most: int) -> tuple[Repository, ...]:
        """The repositories that match a search, at most ``most``."""
        asked = {
            "Name": text,
            "PageNumber": 1,
            "PageSize": min(most, _PAGE),
            "SortBy": "Default",
            "Target": "",
            "SingleCriterion": [],
        }
        model = self._data("PUT", "/dolphin/models", json=asked).get("Model")
        return tuple(self._repositories(_list(model, "Models")))

    def contents(self, repo: str) -> Contents:
        """The files of a repository with sizes and hashes."""
        where = f"/models/{quote(self._endpoint.there(repo))}/repo/files"
        asked = {"Revision": _REVISION, "Recursive": "true"}
        listed = _list(self._data("GET", where, repo, params=asked), "Files")
        files = [
            part_of(one.get("Path"), one.get("Size"), one.get("Sha256"))
            for one in listed
            if one.get("Type") != "tree"
        ]
        return Contents(repository=Repository(id=repo), files=tuple(part for part in files if part))

    def readme(self, repo: str) -> str:
        """The model card as Markdown; "" if there is none."""
        try:
            return self._text(self._endpoint.file(repo, "README.md"), repo)
        except HubMissing:
            return ""

    def facts(self, repo: str, file: str, revision: str) -> tuple[str, Part, str, str]:
        """Address, size and hash of a file, requested now.

        The hash serves as ETag, the commit is "".
        """
        parts = {part.path: part for part in self.contents(repo).files}
        if file not in parts:
            raise HubMissing(host=self._endpoint.host, repo=repo, file=file)
        return self._endpoint.file(repo, file, revision), parts[file], parts[file].sha256, ""

    def headers(self) -> dict[str, str]:
        """The HTTP headers for requesting a file."""
        agent = {"User-Agent": "rookery"}
        if not self._token:
            return agent
        signed = {"Authorization": f"Bearer {self._token}", "Cookie": f"m_session_id={self._token}"}
        return checked_headers(agent | signed)

    def _repositories(self, models: list[dict[str, Any]]) -> Iterator[Repository]:
        for one in models:
            name = self._endpoint.here(f"{one.get('Path')}/{one.get('Name')}")
            if is_repository(name):
                stamp = one.get("LastUpdatedTime") or one.get("GmtModified") or ""
                licence = word(one.get("License") or "").lower()
                licence = _LICENCES.get(licence, licence)
                yield Repository(id=name, stamp=word(stamp), licence=licence)

    def _data(self, method: str, path: str, repo: str = "", **asked: Any) -> dict[str, Any]:
        """The object under "Data" in an answer."""
        with about(repo=repo), request_budget(self._endpoint.address):
            client = connection(self._proxy, self._limit_s)
            response = client.request(method, self._api + path, headers=self.headers(), **asked)
        try:
            answer = response.json()
        except (ValueError, RecursionError) as error:
            raise self._senseless(repo) from error
        data = answer.get("Data") if isinstance(answer, dict) else None
        if not isinstance(data, dict) or answer.get("Code") not in (200, None):
            raise self._senseless(repo)
        return data

    def _text(self, url: str, repo: str) -> str:
        with about(repo=repo), request_budget(self._endpoint.address):
            client = connection(self._proxy, self._limit_s)
            return client.get(url, headers=self.headers()).text

    def _senseless(self, repo: str) -> HubGarbled:
        facts = {"repo": repo} if repo else {}
        why = "speaks-otherwise"
        return HubGarbled(host=self._endpoint.host, why=why, **facts)


def _list(holder: object, name: str) -> list[dict[str, Any]]:
    """The objects of a list that may be missing or of another type."""
    found = holder.get(name) if isinstance(holder, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
