"""Asks Hugging Face, or a mirror of it, through the unmodified huggingface_hub package."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

import httpx2
from huggingface_hub import HfApi, ModelInfo, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from app.errors import HubGarbled, HubMissing, PageInstead
from app.hub.catalogue.entries import Part

from .connection import about, connection
from .endpoints import Endpoint
from .hf_hub_client import routed_through
from .refusals import failure_of
from .repository import SPACES, Contents, Repository, is_repository, part_of, word
from .token_settings import checked_headers, refused_path

_MOST = 400
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DTYPES = {"BF16": "bf16", "F16": "fp16", "F32": "fp32"}
_NO_TOKEN = False


class HuggingFace:
    """One endpoint; for ``token`` "", Hugging Face itself gets the person's stored token.

    Every method raises HubError.
    """

    def __init__(self, endpoint: Endpoint, token: str, proxy: str, limit_s: float) -> None:
        self._endpoint, self._proxy, self._limit_s = endpoint, proxy, limit_s
        own = None if endpoint.kind == "huggingface" else _NO_TOKEN
        self._token: str | bool | None = token or own
        self._api = HfApi(endpoint=endpoint.address, token=self._token, library_name="rookery")

    def owned(self, account: str) -> tuple[Repository, ...]:
        """The repositories of an account."""
        with self._asking():
            return _repositories(self._api.list_models(author=account, full=True))

    def found(self, text: str, most: int) -> tuple[Repository, ...]:
        """The repositories that match a search, at most ``most``."""
        with self._asking():
            return _repositories(self._api.list_models(search=text, limit=most, full=True))

    def contents(self, repo: str) -> Contents:
        """The files of a repository with sizes and hashes."""
        with self._asking(repo):
            info = self._api.model_info(repo, files_metadata=True)
            if info.siblings is None:
                raise ValueError("no list of files")
            return Contents(
                repository=_repository(info), files=tuple(_files(info)), dtype=_dtype(info)
            )

    def readme(self, repo: str) -> str:
        """The model card as Markdown; "" if there is none."""
        with self._asking(repo):
            url = hf_hub_url(repo, "README.md", endpoint=self._endpoint.address)
            try:
                client = connection(self._proxy, self._limit_s)
                return client.get(url, headers=self.headers()).text
            except HubMissing as failure:
                if failure.facts.get("status") == 404:
                    return ""
                raise

    def facts(self, repo: str, file: str, revision: str) -> tuple[str, Part, str, str]:
        """Address, size, hash, ETag and commit of a file, requested now.

        Raises PageInstead for an answer without ETag and commit, which every hub sends.
        """
        with self._asking(repo, file):
            where = {"revision": revision, "endpoint": self._endpoint.address}
            kind = "space" if repo.startswith(SPACES) else "model"
            url = hf_hub_url(repo.removeprefix(SPACES), file, repo_type=kind, **where)
            found = get_hf_file_metadata(
                url, token=self._token, timeout=self._limit_s, endpoint=self._endpoint.address
            )
            etag = found.etag or ""
            if not etag and not found.commit_hash:
                raise PageInstead(host=self._endpoint.host, found="no-hub-answer")
            digest = etag.lower() if _DIGEST.fullmatch(etag.lower()) else ""
            part = Part(path=file, bytes=found.size or 0, sha256=digest)
            return url, part, etag, found.commit_hash or ""

    def headers(self) -> dict[str, str]:
        """The HTTP headers for requesting a file. Raises NetworkSettingRefused."""
        try:
            told = dict(build_hf_headers(token=self._token, library_name="rookery"))
        except (OSError, UnicodeError) as error:
            why = "token-unreadable"
            raise refused_path(why) from error
        return checked_headers(told)

    @contextmanager
    def _asking(self, repo: str = "", file: str = "") -> Iterator[None]:
        """Turn exceptions of the library about senseless answers into HubGarbled."""
        host = self._endpoint.host
        home = self._endpoint.address
        with about(repo=repo, file=file), routed_through(self._proxy, self._limit_s, home):
            try:
                self.headers()  # first, as the library asks with the same
                yield
            except HFValidationError as error:
                raise HubMissing(host=host) from error
            except (HfHubHTTPError, *_SENSELESS) as error:
                why = "speaks-otherwise"
                raise HubGarbled(str(error), host=host, why=why) from error
            except httpx2.HTTPError as error:  # it counts some redirects by itself
                raise failure_of(error, host) from error


# Whatever a library stumbles over in JSON of the wrong shape.
_SENSELESS = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)


def _repositories(infos: Iterable[ModelInfo]) -> tuple[Repository, ...]:
    return tuple(_repository(info) for info in islice(infos, _MOST) if is_repository(info.id))


def _repository(info: ModelInfo) -> Repository:
    licences = [tag[8:] for tag in info.tags or () if str(tag).startswith("license:")]
    stamp = info.sha or (info.last_modified.isoformat() if info.last_modified else "")
    licence = word(licences[0]) if licences else ""
    return Repository(id=info.id, stamp=word(stamp), licence=licence)


def _files(info: ModelInfo) -> Iterator[Part]:
    for one in info.siblings or ():
        large = one.lfs
        part = part_of(one.rfilename, large.size if large else one.size, large and large.sha256)
        if part:
            yield part


def _dtype(info: ModelInfo) -> str:
    """The type that most numbers of the safetensors files have."""
    counts = info.safetensors.parameters if info.safetensors else {}
    most = max(counts, key=lambda name: counts[name] or 0, default="")
    return _DTYPES.get(most, "")
