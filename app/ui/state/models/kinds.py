"""What kinds of model there are, what each is for, and its languages, in words; draws nothing."""

from PySide6.QtCore import QCoreApplication, QLocale

from .entry import Entry

MODEL_KINDS = ("reasoning", "chat", "raven", "novel", "music", "pile", "research", "state", "lora")
USELESS = (
    "unfinished",
    "damaged",
    "unsafe",
    "foreign",
    "unsupported",
    "no-model",
    "missing",
    "unreadable",
)


def kind_name(kind: str) -> str:
    """A word for a chip or a filter; "" for a kind without one."""
    return {
        "reasoning": _tr("Reasoning"),
        "chat": _tr("Chat"),
        "raven": _tr("Instructions"),
        "novel": _tr("Fiction"),
        "music": _tr("Music"),
        "pile": _tr("Raw text"),
        "research": _tr("Research"),
        "state": _tr("State"),
        "lora": _tr("LoRA"),
        "unfinished": _tr("Unfinished"),
        "damaged": _tr("Damaged"),
        "unsafe": _tr("Not safe"),
        "foreign": _tr("Not RWKV"),
        "unsupported": _tr("Not readable"),
        "no-model": _tr("No model"),
        "missing": _tr("Gone"),
        "unreadable": _tr("Refused"),
    }.get(kind, "")


def purpose(entry: Entry) -> str:
    """A sentence or two on what it is for; "" where nobody knows."""
    said = {
        "reasoning": _tr("Talks about anything, and can think before it answers."),
        "chat": _tr("Talks about anything, and completes texts."),
        "raven": _tr("Follows instructions: an early model that talks."),
        "novel": _tr("Writes fiction. It goes on with a story rather than answering."),
        "music": _tr("Writes music as notes, not words."),
        "pile": _tr("Completes raw text. It has not learned to talk."),
        "research": _tr("An experiment of its makers."),
        "state": _tr("A tuned state: it gives a model a manner or a skill, and needs that model."),
        "lora": _tr("A LoRA: a small change to a model, and nothing without that model."),
    }.get(entry.kind, "")
    if entry.unknown:
        return _unknown(entry, said)
    if entry.embedded:
        said = _tr(
            "A tiny model that ships with the program: it explains RWKV in a few sentences, and can"
            " be wrong, above all about this window."
        )
    return " ".join(part for part in (said, _standing(entry), spoken_languages(entry)) if part)


def _unknown(entry: Entry, said: str) -> str:
    """Of what is in no catalogue only what its header and its makers' page say."""
    if entry.offer is not None:
        words = _tr(
            "Its publisher is not in Rookery's catalogue. What it is for and how good it is, only"
            " its page tells; what is known of its size comes from the file's name."
        )
        header = _tr("Its publisher is not in Rookery's catalogue: only its page tells of it.")
        return " ".join(filter(None, (said, header if entry.here else words)))
    if entry.usable:
        return _tr("It is in no catalogue: what is known of it is what the file itself says.")
    return said


def _standing(entry: Entry) -> str:
    standing = entry.offer.standing if entry.offer else ""
    return {
        "recommended": _tr("The newest of its size: the one to take."),
        "archival": _tr("An old generation, kept for the record: newer ones are much better."),
    }.get(standing, "")


def spoken_languages(entry: Entry) -> str:
    """A sentence about the languages, or ""."""
    if not entry.languages:
        return ""
    if "multi" in entry.languages:
        return _tr("Knows more than a hundred languages.")
    return _tr("Knows {}.").format(", ".join(map(language_name, entry.languages)))


def language_name(code: str) -> str:
    """``English`` for "en", "Many languages" for "multi"."""
    if code == "multi":
        return _tr("Many languages")
    named = {"en": _tr("English"), "zh": _tr("Chinese"), "ja": _tr("Japanese")}
    return named.get(code) or QLocale.languageToString(QLocale(code).language())


def _tr(text: str) -> str:
    return QCoreApplication.translate("kinds", text)
