"""Whether an address that a stranger wrote may be followed, and where it really leads."""

import re

from PySide6.QtCore import QUrl, QUrlQuery

LONGEST = 2000
_TWISTED = re.compile("[\x00-\x20\x7f-\xa0\\\\\u2028-\u202e\u2060-\u2069\ufeff]")
_AUTHORITY = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_IN_A_LETTER = {"subject", "body"}


def web_address(address: str) -> QUrl | None:
    """What ``address`` leads to; None where it is not to be followed.

    Only http, https and mailto lead out.  Refused is what is there to mislead: a name before the
    host, signs that are read differently by different programs (a backslash, a line break, % in
    the host), and a letter that would bring more than a subject and words with it.
    """
    if len(address) > LONGEST or _TWISTED.search(address):
        return None
    url = QUrl(address, QUrl.ParsingMode.StrictMode)
    if not url.isValid():
        return None
    if url.scheme() == "mailto":
        return url if _is_letter(url) else None
    found = _AUTHORITY.match(address)
    if found is None or "%" in found[1] or "@" in found[1]:
        return None
    return url if url.host() and not url.userInfo() else None


def shown_address(url: QUrl) -> str:
    """As it will be opened, the host in ASCII: look-alike letters give themselves away."""
    return bytes(url.toEncoded().data()).decode("ascii")


def shown_host(url: QUrl) -> str:
    """The host that is asked, or the receiver of a letter; in ASCII, and beside it as written."""
    if url.scheme() == "mailto":
        return shown_address(QUrl(f"mailto:{url.path()}")).removeprefix("mailto:")
    encoded = QUrl.ComponentFormattingOption.EncodeUnicode
    ascii_host = url.host(encoded)
    letters = QUrl.fromAce(ascii_host.encode("ascii"), QUrl.AceProcessingOption.IgnoreIDNWhitelist)
    return ascii_host if letters in ("", ascii_host) else f"{ascii_host} ({letters})"


def hover_text(address: str) -> str:
    """What is said of a link under the mouse: its host, and all of its address."""
    url = web_address(address)
    if url is None:
        return ""
    host, whole = shown_host(url), shown_address(url)
    return f"{host}\n{whole}" if host not in whole else whole


def _is_letter(url: QUrl) -> bool:
    keys = {key.lower() for key, _ in QUrlQuery(url).queryItems()}
    receiver = url.path()
    one = (
        receiver.count("@") == 1
        and not _TWISTED.search(receiver)
        and not set(receiver) & set("%,;<>\"'&")
    )
    return one and keys <= _IN_A_LETTER and not url.host()
