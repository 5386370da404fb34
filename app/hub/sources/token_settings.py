"""Checks tokens and other settings of the environment that become HTTP headers."""

import os

from app.errors import NetworkSettingRefused

from .proxies import HIDDEN

_ORIGIN = "HF_HUB_USER_AGENT_ORIGIN"
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_PATHS = ("HF_TOKEN_PATH", "HF_HOME")


def checked_headers(headers: dict[str, str]) -> dict[str, str]:
    """The same headers. Raises NetworkSettingRefused for a value that no header can hold."""
    for name, value in headers.items():
        if not _fits(value):
            raise _refused(name)
    return headers


def _fits(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _refused(header: str) -> NetworkSettingRefused:
    why = "characters-refused"
    if header.lower() == "user-agent":
        given = os.environ.get(_ORIGIN, "")
        return NetworkSettingRefused(variable=_ORIGIN, given=given, why=why)
    odd = (name for name in _TOKENS if not _fits(os.environ.get(name, "")))
    variable = next(odd, "access-token")
    return NetworkSettingRefused(variable=variable, given=HIDDEN, why=why)


def refused_path(why: str) -> NetworkSettingRefused:
    """The failure for a token file that cannot be read; it names the variable with its path."""
    variable = next((name for name in _PATHS if os.environ.get(name)), "HF_HOME")
    given = os.environ.get(variable, "usual-place")
    return NetworkSettingRefused(variable=variable, given=given, why=why)
