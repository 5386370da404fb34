"""Reads which repository or file a pasted address of a hub's page names. Makes no requests."""

import re
from urllib.parse import unquote, urlsplit

import msgspec

from app.hub.safe_paths import is_safe

from .endpoints import MODELSCOPE, Endpoint
from .repository import is_repository

_FETCHING = re.compile(r"(?:git (?:lfs )?clone|wget|curl(?: -\w+)*)\s+(?=https?://)", re.IGNORECASE)
_DOWNLOADING = re.compile(r"(?:hf|huggingface-cli) download ([^\s-]\S*)(?: ([^\s-]\S*))?(?: -.*)?")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_HOSTS = ("huggingface.co", "hf.co", "hf-mirror.com", "modelscope.cn", "modelscope.ai")
_OTHER_THINGS = ("datasets", "spaces", "docs", "blog", "collections", "papers", "api", "studios")
_OF_FILES = ("blob", "resolve", "raw", "file")
_THERE = Endpoint("modelscope", MODELSCOPE)


class Pasted(msgspec.Struct, frozen=True, kw_only=True):
    """``repo`` is the name on Hugging Face; ``file`` is "" for the whole repository."""

    repo: str
    file: str = ""


def pasted(text: str) -> Pasted | None:
    """What ``text`` names, if it is the address of a page or file of a hub; else None.

    The scheme may be missing for known hosts; with a scheme any host is accepted, as a mirror can
    have any name.  The commands that such pages offer to be copied are read as well.
    """
    text = text.strip()
    if (command := _DOWNLOADING.fullmatch(text)) is not None:
        return _named("", command[1].split("/"), "", command[2] or "")
    text = _FETCHING.sub("", text, count=1).strip("<>\"'")
    schemed = _SCHEME.match(text) is not None
    if not text or any(letter.isspace() for letter in text):
        return None
    try:
        address = urlsplit(text if schemed else f"https://{text}")
        host = (address.hostname or "").lower().removeprefix("www.")
    except ValueError:
        return None
    if not schemed and host not in _HOSTS:
        return None
    steps = [unquote(step) for step in address.path.split("/") if step]
    if steps[:1] == ["models"]:
        steps = steps[1:]
    return _named(host, steps, unquote(address.query))


def _named(host: str, steps: list[str], query: str, file: str = "") -> Pasted | None:
    repo = "/".join(steps[:2])
    if len(steps) < 2 or steps[0] in _OTHER_THINGS or not is_repository(repo):
        return None
    if host.startswith("modelscope."):
        repo = _THERE.here(repo)
    rest = steps[2:]
    if rest[:1] and rest[0] in _OF_FILES:
        file = "/".join(rest[2:])
    if rest[:2] == ["file", "view"]:  # ModelScope: /file/view/master/NAME, or ?fileName=NAME
        file = "/".join(rest[3:])
    return Pasted(repo=repo, file=file if is_safe(file) else "")
