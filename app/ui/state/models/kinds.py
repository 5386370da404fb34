"""What kinds of model there are, what each is for, and its languages, in words; draws nothing."""

from PySide6.QtCore import QLocale

from app.messages.translate import tr

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
        "reasoning": tr("Reasoning"),
        "chat": tr("Chat"),
        "raven": tr("Instructions"),
        "novel": tr("Fiction"),
        "music": tr("Music"),
        "pile": tr("Raw text"),
        "research": tr("Research"),
        "state": tr("State"),
        "lora": tr("LoRA"),
        "unfinished": tr("Unfinished"),
        "damaged": tr("Damaged"),
        "unsafe": tr("Not safe"),
        "foreign": tr("Not RWKV"),
        "unsupported": tr("Not readable"),
        "no-model": tr("No model"),
        "missing": tr("Gone"),
        "unreadable": tr("Refused"),
    }.get(kind, "")


def purpose(entry: Entry) -> str:
    """A sentence or two on what it is for; "" where nobody knows."""
    said = {
        "reasoning": tr("Talks about anything, and can think before it answers."),
        "chat": tr("Talks about anything, and completes texts."),
        "raven": tr("Follows instructions: an early model that talks."),
        "novel": tr("Writes fiction. It goes on with a story rather than answering."),
        "music": tr("Writes music as notes, not words."),
        "pile": tr("Completes raw text. It has not learned to talk."),
        "research": tr("An experiment of its makers."),
        "state": tr("A tuned state: it gives a model a manner or a skill, and needs that model."),
        "lora": tr("A LoRA: a small change to a model, and nothing without that model."),
    }.get(entry.kind, "")
    if entry.unknown:
        return _unknown(entry, said)
    if entry.embedded:
        said = tr(
            "A tiny model that ships with the program: it explains RWKV in a few sentences, and can"
            " be wrong, above all about this window."
        )
    return " ".join(part for part in (said, _standing(entry), spoken_languages(entry)) if part)


def _unknown(entry: Entry, said: str) -> str:
    """Of what is in no catalogue only what its header and its makers' page say."""
    if entry.offer is not None:
        words = tr(
            "Its publisher is not in Rookery's catalogue. What it is for and how good it is, only"
            " its page tells; what is known of its size comes from the file's name."
        )
        header = tr("Its publisher is not in Rookery's catalogue: only its page tells of it.")
        return " ".join(filter(None, (said, header if entry.here else words)))
    if entry.usable:
        return tr("It is in no catalogue: what is known of it is what the file itself says.")
    return said


def _standing(entry: Entry) -> str:
    standing = entry.offer.standing if entry.offer else ""
    return {
        "recommended": tr("The newest of its size: the one to take."),
        "archival": tr("An old generation, kept for the record: newer ones are much better."),
    }.get(standing, "")


def spoken_languages(entry: Entry) -> str:
    """A sentence about the languages, or ""."""
    if not entry.languages:
        return ""
    if "multi" in entry.languages:
        return tr("Knows more than a hundred languages.")
    return tr("Knows {}.").format(", ".join(map(language_name, entry.languages)))


def language_name(code: str) -> str:
    """``English`` for "en", "Many languages" for "multi"."""
    if code == "multi":
        return tr("Many languages")
    named = {"en": tr("English"), "zh": tr("Chinese"), "ja": tr("Japanese")}
    return named.get(code) or QLocale.languageToString(QLocale(code).language())
