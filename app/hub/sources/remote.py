"""A model hub: what it has now, what it had when it was last asked, and where its files are.

Calls block while the network is used, up to their limits, so they belong into threads.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import msgspec

from app.errors import HubError, HubMissing, HubUnreachable
from app.hub.catalogue.entries import KNOWN_ACCOUNTS, Entry, Part, bundled, matching, merged
from app.hub.catalogue.withdrawals import Seen, with_withdrawals
from app.system.log import hide

from .answer_cache import Cache
from .endpoints import Endpoint
from .hf_hub_import import load_hf_hub
from .pasted import Pasted, pasted
from .repository import SPACES, Contents, Repository, entries_of, is_repository, is_rwkv

_AT_ONCE = 6
_FRESH_S = 600.0
_FOUND = 30


class RemoteFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file as the hub describes it now; 0 and "" for what it does not tell.

    ``url`` is its permanent address, which may redirect to one that expires.
    """

    url: str
    etag: str
    bytes: int
    sha256: str
    commit: str


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, and how current they are.

    ``fetched_at``: seconds since 1970, 0 if nothing was ever fetched.  ``stale``: the hub could not
    be reached, so this is its last answer.  ``failure``: why, or what was left out.  ``known`` are
    all entries, of which ``entries`` were asked for.
    """

    entries: tuple[Entry, ...]
    fetched_at: float = 0.0
    stale: bool = False
    failure: HubError | None = None
    known: tuple[Entry, ...] = ()


class Source(Protocol):
    """The API of one kind of hub; all methods raise HubError."""

    def owned(self, account: str) -> tuple[Repository, ...]: ...
    def found(self, text: str, most: int) -> tuple[Repository, ...]: ...
    def contents(self, repo: str) -> Contents: ...
    def readme(self, repo: str) -> str: ...
    def facts(self, repo: str, file: str, revision: str) -> tuple[str, Part, str, str]: ...
    def headers(self) -> dict[str, str]: ...


class _Repositories(msgspec.Struct, frozen=True):
    found: tuple[Repository, ...]


class _Text(msgspec.Struct, frozen=True):
    text: str


class Hub:
    """One endpoint with its cache below ``cache_dir``; safe for use by several threads.

    ``token`` "" is the person's own at Hugging Face (HF_TOKEN or its login file) and none
    elsewhere; ``proxy`` "" is that of the environment.  ``offline``: only the cache answers.
    ``limit_s`` limits each wait for an answer.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        token: str = "",
        proxy: str = "",
        *,
        cache_dir: Path,
        offline: bool = False,
        limit_s: float = 10.0,
    ) -> None:
        self.endpoint = endpoint
        self.proxy = proxy
        self.offline = offline
        self._token, self._limit_s = token, limit_s
        hide(token)
        self._cache = Cache(cache_dir)

    @property
    def token(self) -> str:
        """The token as it was given; "" for none."""
        return self._token

    def listing(
        self, accounts: Sequence[str] = KNOWN_ACCOUNTS, *, max_age_s: float = _FRESH_S
    ) -> Listing:
        """The bundled catalogue with everything these accounts have published; raises no HubError.

        Answers younger than ``max_age_s`` seconds are taken from the cache.
        """
        return self._together(self._accounts(accounts, max_age_s))

    def search(
        self, text: str, accounts: Sequence[str] = KNOWN_ACCOUNTS, *, max_age_s: float = _FRESH_S
    ) -> Listing:
        """Entries that match ``text``, of ``listing`` and of the whole hub; raises no HubError.

        The address of a repository's page, or of a file in it, finds that one alone.
        """
        listed = self._accounts(accounts, max_age_s)
        if not text.strip():
            return self._together(listed)
        reached = not any(map(_is_gone, listed))
        place = pasted(text)
        find = partial(self._find_place, place) if place else partial(self._find, text)
        looked = self._asked(f"found {text}", max_age_s, find, ask=reached)
        whole = self._together([*listed, looked])
        if place is not None:
            there = tuple(one for one in whole.entries if _is_at(one, place))
            return msgspec.structs.replace(whole, entries=there, known=whole.entries)
        keys = {one.key for one in (*looked.entries, *matching(whole.entries, text))}
        chosen = tuple(one for one in whole.entries if one.key in keys)
        return msgspec.structs.replace(whole, entries=chosen, known=whole.entries)

    def readme(self, repo: str) -> str:
        """The model card of a repository as Markdown, "" if it has none.

        Raises HubError if it can neither be fetched nor is cached.
        """
        kept = self._cache.get(self._key(f"readme {repo}"), _Text)
        if kept and (self.offline or time.time() - kept[1] < _FRESH_S):
            return kept[0].text
        try:
            text = self._source_of(repo).readme(repo)
        except HubError:
            if kept is None:
                raise
            return kept[0].text
        self._cache.put(self._key(f"readme {repo}"), _Text(text))
        return text

    def url(self, entry: Entry, part: Part) -> str:
        """The permanent address of one of an entry's files."""
        return self.endpoint.file(entry.repo, part.path, entry.revision)

    def page(self, repo: str) -> str:
        """The address of a repository's page, for people."""
        return self.endpoint.page(repo)

    def facts(self, repo: str, file: str, revision: str = "main") -> RemoteFile:
        """A file's size, hash and address, requested now. Raises HubError."""
        url, part, etag, commit = self._source_of(repo).facts(repo, file, revision)
        return RemoteFile(url=url, etag=etag, bytes=part.bytes, sha256=part.sha256, commit=commit)

    def entries(self, repo: str) -> tuple[Entry, ...]:
        """The entries of a repository, requested now. Raises HubError."""
        return entries_of(self._contents_now(Repository(id=repo)))

    def catalogued(self, repo: str, file: str) -> Entry | None:
        """The bundled entries of a repository; those that its last listing lacks are marked."""
        found = [one for one in bundled() if (one.repo, one.file) == (repo, file)]
        return next(iter(with_withdrawals(found, self._seen([repo]))), None)

    def headers(self) -> dict[str, str]:
        """The HTTP headers for requesting a file; for the endpoint's own host only."""
        return self._source_made.headers()

    def _accounts(self, accounts: Sequence[str], max_age_s: float) -> list[Listing]:
        """The repositories of each account.

        After the first failure of the network, from the cache.
        """
        listed: list[Listing] = []
        for account in accounts:
            reached = not any(map(_is_gone, listed))
            ask_for = partial(self._owned, account)
            listed.append(self._asked(f"owned {account}", max_age_s, ask_for, ask=reached))
        return listed

    def _owned(self, account: str) -> list[Repository]:
        return [one for one in self._source().owned(account) if is_rwkv(one.id)]

    def _find(self, text: str) -> list[Repository]:
        asked = [text] if "rwkv" in text.casefold() else [text, f"rwkv {text}"]
        found = {one.id: one for words in asked for one in self._source().found(words, _FOUND)}
        return [one for one in found.values() if is_rwkv(one.id)][:_FOUND]

    def _find_place(self, place: Pasted) -> list[Repository]:
        return [self._contents_now(Repository(id=place.repo)).repository]

    def _asked(
        self,
        key: str,
        max_age_s: float,
        ask_for: Callable[[], Iterable[Repository]],
        *,
        ask: bool = True,
    ) -> Listing:
        """An answer from the cache if it is young enough, else from the hub, else the old one."""
        kept = self._cache.get(self._key(key), _Repositories)
        fetched_at = kept[1] if kept else 0.0
        silent = self.offline or not ask
        if silent or (kept and time.time() - fetched_at < max_age_s):
            known = self._known(kept[0].found) if kept else ()
            return Listing(entries=known, fetched_at=fetched_at, stale=silent)
        try:
            found = tuple(ask_for())
            entries, failure = self._opened(found)
        except HubError as failed:
            known = self._known(kept[0].found) if kept else ()
            return Listing(entries=known, fetched_at=fetched_at, stale=True, failure=failed)
        at = time.time()
        if failure is None:
            at = self._cache.put(self._key(key), _Repositories(found))
        return Listing(entries=entries, fetched_at=at, failure=failure)

    def _opened(self, found: Sequence[Repository]) -> tuple[tuple[Entry, ...], HubError | None]:
        """The entries of all repositories, and the first failure; only changed ones are requested.

        Raises HubUnreachable as soon as the hub cannot be reached.
        """
        gone = threading.Event()

        def open_one(repository: Repository) -> tuple[tuple[Entry, ...], HubError | None]:
            if gone.is_set():
                return (), None
            try:
                return entries_of(self._contents(repository)), None
            except HubUnreachable as failure:
                gone.set()
                return (), failure
            except HubError as failure:
                return self._known([repository]), failure

        with ThreadPoolExecutor(_AT_ONCE, "hub") as pool:
            opened = list(pool.map(open_one, found))
        failure = next((failed for _, failed in opened if failed), None)
        if gone.is_set() and failure is not None:
            raise failure
        return tuple(entry for entries, _ in opened for entry in entries), failure

    def _contents(self, repository: Repository) -> Contents:
        kept = self._cache.get(self._key(f"contents {repository.id}"), Contents)
        if kept and repository.stamp and kept[0].repository.stamp == repository.stamp:
            return kept[0]
        return self._contents_now(repository)

    def _contents_now(self, repository: Repository) -> Contents:
        told = self._source_of(repository.id).contents(repository.id)
        stamp = repository.stamp or told.repository.stamp
        licence = repository.licence or told.repository.licence
        one = msgspec.structs.replace(told.repository, stamp=stamp, licence=licence)
        contents = msgspec.structs.replace(told, repository=one)
        before = self._cache.get(self._key(f"contents {repository.id}"), Contents)
        contents = contents.after(before[0]) if before else contents
        self._cache.put(self._key(f"contents {repository.id}"), contents)
        return contents

    def _known(self, repositories: Iterable[Repository]) -> tuple[Entry, ...]:
        """The cached entries of these repositories, however old."""
        keys = (self._key(f"contents {one.id}") for one in repositories)
        kept = (self._cache.get(key, Contents) for key in keys)
        return tuple(entry for one in kept if one for entry in entries_of(one[0]))

    def _together(self, listings: Sequence[Listing]) -> Listing:
        """One listing with the bundled catalogue; its age is that of its oldest live part."""
        known = with_withdrawals(bundled(), self._seen({one.repo for one in bundled()}))
        live = [entry for one in listings for entry in one.entries]
        ages = [one.fetched_at for one in listings]
        return Listing(
            entries=merged(known, live),
            fetched_at=min(filter(None, ages), default=0.0),
            stale=any(one.stale for one in listings),
            failure=next((one.failure for one in listings if one.failure), None),
        )

    def _seen(self, repositories: Iterable[str]) -> dict[str, Seen]:
        """The files of all repositories that were ever listed."""
        kept = {
            repo: self._cache.get(self._key(f"contents {repo}"), Contents) for repo in repositories
        }
        return {
            repo: Seen(frozenset(part.path for part in one[0].files), one[0].older)
            for repo, one in kept.items()
            if one
        }

    def _key(self, what: str) -> str:
        """The cache key; it includes the token, as other accounts see other things."""
        return f"{self.endpoint.address} {self._token} {what}"

    def _source(self) -> Source:
        if self.offline:
            raise HubUnreachable(host=self.endpoint.host, why="asked-offline")
        return self._source_made

    def _source_of(self, repo: str) -> Source:
        if not is_repository(repo.removeprefix(SPACES)):
            raise HubMissing(host=self.endpoint.host, repo=repo)
        return self._source()

    @cached_property
    def _source_made(self) -> Source:
        """The client, made when it is first needed, as importing the libraries takes a while."""
        told = self.endpoint, self._token, self.proxy, self._limit_s
        if self.endpoint.is_modelscope:
            from .modelscope import ModelScope

            return ModelScope(*told)
        load_hf_hub()
        from .huggingface import HuggingFace

        return HuggingFace(*told)


def _is_gone(listing: Listing) -> bool:
    return isinstance(listing.failure, HubUnreachable)


def _is_at(entry: Entry, place: Pasted) -> bool:
    if entry.repo.casefold() != place.repo.casefold():
        return False
    return not place.file or place.file in (entry.file, *(part.path for part in entry.parts))
