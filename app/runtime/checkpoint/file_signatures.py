"""What kind of file begins with given bytes: file signatures, and answers of servers.

Every ``start`` is the first bytes of a file, ``ENOUGH`` of them where it has so many.
"""

import codecs
import json
import re

from app.errors import AnswerSaved

ENOUGH = 512
"""So many first bytes tell everything that this module can tell."""

WEB_PAGE, POINTER = "web-page", "lfs-pointer"
REFUSAL, TEXT = "refusal", "text-file"

_LEAST_TEXT = 16
_LONGEST_TEXT = 120
_REFUSAL = re.compile(
    r"error|not found|denied|authori[sz]|forbidden|invalid|restricted|access|gated|log ?in|sign ?in"
    r"|too many|rate limit|expired|unavailable|maintenance|bad gateway|\b[45]\d\d\b",
    re.IGNORECASE,
)
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|title|\?xml|!--)", re.I)
# First bytes of files that people take for models, and what to call them.
_KNOWN = (
    (b"fmgg", "rwkv-cpp-file"),
    (b"lmgg", "old-ggml-file"),
    (b"tjgg", "old-ggml-file"),
    (b"version https://git-lfs", POINTER),
    (b"\x89HDF", "hdf5-file"),
    (b"\x1f\x8b", "gzip-archive"),
    (b"BZh", "bzip2-archive"),
    (b"\xfd7zXZ", "xz-archive"),
    (b"7z\xbc\xaf", "7-zip-archive"),
    (b"Rar!", "rar-archive"),
    (b"\x28\xb5\x2f\xfd", "zstandard-archive"),
    (b"%PDF", "pdf-document"),
    (b"<", WEB_PAGE),
    (b"\x93NUMPY", "numpy-array"),
)


def is_gguf(start: bytes) -> bool:
    """Whether a GGUF file begins so."""
    return start.startswith(b"GGUF")


def is_zip(start: bytes) -> bool:
    """Whether a zip archive begins so, as files of torch.save are since torch 1.6."""
    return start.startswith(b"PK\3\4")


def is_safetensors(start: bytes) -> bool:
    """Whether a safetensors file begins so: the header's length in 8 bytes, then a brace."""
    return len(start) > 8 and start[8:9] == b"{" and not is_text(start)


def is_old_torch(start: bytes) -> bool:
    """Whether a bare pickle begins so, which torch.save wrote before torch 1.6."""
    return len(start) > 2 and start[0] == 0x80 and start[1] in range(2, 6)


def known_as(start: bytes) -> str:
    """The kind of file as a code, such as "pdf-document"; "" for one not in the table."""
    if _PAGE.match(start):
        return WEB_PAGE
    return next((what for magic, what in _KNOWN if start.startswith(magic)), "")


def is_text(start: bytes) -> bool:
    """Whether a file that begins so is text: UTF-8, cut anywhere, or UTF-16 with its mark."""
    if len(start) < _LEAST_TEXT or start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return len(start) >= _LEAST_TEXT
    return _is_utf8(start)


def refusal_in(start: bytes) -> str:
    """What a server said when it refused, if the whole file is that answer; else ""."""
    if not 2 < len(start) < ENOUGH or not _is_utf8(start):
        return ""
    text = " ".join(start.decode("utf-8", "replace").split())
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = text
    if isinstance(told, dict):
        told = next((told[key] for key in ("error", "message", "Message") if key in told), "")
    said = str(told)[:_LONGEST_TEXT]
    return said if _REFUSAL.search(said) else ""


def refuse_answer(start: bytes) -> None:
    """Raises AnswerSaved if the file is a web page, a server's refusal or a Git LFS pointer."""
    known, said = known_as(start), refusal_in(start)
    if known in (WEB_PAGE, POINTER):
        raise AnswerSaved(found=known, why="pointer" if known == POINTER else "page")
    if said:
        raise AnswerSaved(why="page", **facts_of(REFUSAL, start))


def no_model(start: bytes) -> str:
    """The kind of file as a code, if it cannot be a model; "" if it may be one."""
    if is_gguf(start) or is_zip(start) or is_safetensors(start) or is_old_torch(start):
        return ""
    return known_as(start) or _text_kind(start)


def facts_of(kind: str, start: bytes) -> dict[str, str]:
    """The facts ``found``, and ``said`` where the file is a refusal, of a failure for this kind."""
    return {"found": kind} | ({"said": refusal_in(start)} if kind == REFUSAL else {})


def no_side_file(name: str, start: bytes) -> str:
    """The kind of file, if it cannot be the configuration or vocabulary ``name``; else ""."""
    found = known_as(start)
    if found in (WEB_PAGE, POINTER) or (found.endswith("archive")):
        return found
    is_json = name.lower().endswith(".json")
    if is_json and start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return _text_kind(start)
    return ""


def _text_kind(start: bytes) -> str:
    if refusal_in(start):
        return REFUSAL
    return TEXT if is_text(start) else "something-else"


def _is_utf8(start: bytes) -> bool:
    if any(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in start):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True
