"""The sentences for documents whose text cannot be taken out, by reason; and what was left out."""

from collections.abc import Sequence

from app.messages.translate import tr, tr_noop

_OTHER = tr_noop("Choose another file: plain text, Markdown, code, PDF or docx.")
_AGAIN = tr_noop("Save it again with the program that made it, or as plain text.")
_PARTS = tr_noop("Take a part of it, or save it as plain text.")

DOCUMENT: dict[str, tuple[str, str]] = {
    "": (tr_noop("The text of {path@the document} cannot be read{why+: }."), _OTHER),
    "coding": (
        tr_noop("{path@the file} is text in another coding than UTF-8."),
        tr_noop("Save it as UTF-8."),
    ),
    "crashed": (tr_noop("Taking {path@the document} apart crashed."), _AGAIN),
    "damaged": (tr_noop("{path@the document} is damaged or incomplete."), _AGAIN),
    "entities": (
        tr_noop("{path@the document} declares entities in its XML, which can fill the memory."),
        _AGAIN,
    ),
    "kind": (tr_noop("{path@the file} is none of the documents whose text can be read."), _OTHER),
    "large": (
        tr_noop("{path@the file} has more than {limit_bytes|so many} bytes."),
        _PARTS,
    ),
    "link": (
        tr_noop("{path@the file} is a link in a folder, and may lead out of it."),
        tr_noop("Choose the file that it leads to."),
    ),
    "locked": (
        tr_noop("{path@the document} is protected by a password."),
        tr_noop("Save a copy without a password, and take that."),
    ),
    "memory": (tr_noop("{path@the document} takes too much memory to be taken apart."), _PARTS),
    "not-ordinary": (
        tr_noop("{path@this} is no ordinary file: a pipe, a device or a link."),
        tr_noop("Choose an ordinary file."),
    ),
    "not-started": (
        tr_noop("The process that takes documents apart did not start{said+: }."),
        tr_noop("Close other programs, then try again."),
    ),
    "old-word": (
        tr_noop("{path@the document} is in the format of Office before 2007."),
        tr_noop("Save it as docx or as plain text."),
    ),
    "pictures": (
        tr_noop("No page of {path@the PDF} has text: they are pictures of pages, or empty."),
        tr_noop("Have a program recognise the text in it (OCR) first."),
    ),
    "slow": (
        tr_noop("{path@the document} takes longer than {limit_s|so many} s to be taken apart."),
        _PARTS,
    ),
    "unpacks-large": (
        tr_noop("{path@the document} becomes far larger when it is unpacked than is read."),
        _PARTS,
    ),
}

_LEFT_OUT = {
    "coding": tr_noop("not UTF-8"),
    "damaged": tr_noop("damaged"),
    "entities": tr_noop("declares entities"),
    "kind": tr_noop("no text"),
    "large": tr_noop("too large"),
    "link": tr_noop("a link"),
    "locked": tr_noop("has a password"),
    "memory": tr_noop("takes too much memory"),
    "not-ordinary": tr_noop("no ordinary file"),
    "old-word": tr_noop("Office before 2007"),
    "pictures": tr_noop("pictures without text"),
    "unpacks-large": tr_noop("too large when unpacked"),
    "unreadable": tr_noop("cannot be read"),
}
_NAMED = 3


def left_out_words(left_out: Sequence[tuple[str, str]]) -> str:
    """Names the first files of pairs of a name and a reason, and how many more there are."""
    named = [f"{name} ({tr(_LEFT_OUT.get(why, why))})" for name, why in left_out[:_NAMED]]
    more = len(left_out) - _NAMED
    first = ", ".join(named)
    listed = tr("{} and {} more").format(first, more) if more > 0 else first
    return tr("Left out: {}").format(listed)
