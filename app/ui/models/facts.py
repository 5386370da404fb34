"""What a file's header and a hub say, as pairs of words for the details pane; draws nothing."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QDate, QLocale

from app.hub.catalogue.entries import Entry as Offer
from app.messages.units import short_count, size, whole
from app.runtime.spec import Spec
from app.ui.state.models.entry import Entry
from app.ui.state.models.kinds import kind_name, language_name


def facts_of(entry: Entry) -> list[tuple[str, str]]:
    """Name and value of everything known, the most telling first."""
    told = entry.spec if entry.here or not entry.unknown else None  # else it is only a guess
    model = _model(told) if told else _guessed(entry)
    return [*_use(entry), *model, *_file(entry), *(_origin(entry.offer) if entry.offer else ())]


def _use(entry: Entry) -> list[tuple[str, str]]:
    offer = entry.offer
    kind = kind_name(entry.kind)
    facts = [(_tr("Kind"), kind)] if kind else []
    if entry.languages:
        facts.append((_tr("Languages"), ", ".join(map(language_name, entry.languages))))
    if offer and offer.family:
        facts.append((_tr("Prompt format"), _family(offer.family)))
    if offer and offer.context:
        words = _tr("{} tokens in training; no hard limit").format(whole(offer.context))
        facts.append((_tr("Context"), words))
    if offer and offer.released:
        facts.append((_tr("Released"), _date(offer.released)))
    return facts


def _model(spec: Spec) -> list[tuple[str, str]]:
    heads = _tr("{} × {}").format(spec.heads, spec.head_size) if spec.heads else _tr("none")
    parameters = _tr("{} ({})").format(short_count(spec.parameters), whole(spec.parameters))
    return [
        (_tr("Generation"), f"RWKV-{spec.generation}"),
        (_tr("Parameters"), parameters),
        (_tr("Layers"), whole(spec.layers)),
        (_tr("Width"), whole(spec.width)),
        (_tr("Heads"), heads),
        (_tr("Feed-forward"), whole(spec.ffn_width)),
        (_tr("Vocabulary"), _tr("{} tokens").format(whole(spec.vocabulary))),
    ]


def _guessed(entry: Entry) -> list[tuple[str, str]]:
    """What a name tells where the sizes are not known."""
    facts = []
    if entry.generation:
        facts.append((_tr("Generation"), f"RWKV-{entry.generation}"))
    if entry.parameters:
        facts.append((_tr("Parameters"), short_count(entry.parameters)))
    return facts


def _file(entry: Entry) -> list[tuple[str, str]]:
    file = entry.file
    facts = [(_tr("Size"), size(entry.bytes))] if entry.bytes else []
    if file is None:
        offer = entry.offer
        if offer is None:
            return facts
        count = len(offer.parts)
        facts += [(_tr("Files"), whole(count))] if count > 1 else []
        form = offer.format if offer.format not in ("state", "lora") else Path(offer.file).suffix
        numbers = [(_tr("Numbers"), _numbers(offer.dtype))] if offer.dtype else []
        return [*numbers, *facts, (_tr("Format"), form.removeprefix("."))]
    if file.spec is not None:
        facts = [
            (_tr("Tokenizer"), _tokenizer(file.tokenizer)),
            (_tr("Numbers"), _numbers(file.dtype)),
            *facts,
        ]
    form = " · ".join(part for part in (file.format, file.dialect) if part)
    facts += [(_tr("Format"), form)] if form else []
    where = _tr("part of Rookery") if file.embedded else str(Path(file.path).parent)
    return [*facts, (_tr("Folder"), where)]


def _origin(offer: Offer) -> list[tuple[str, str]]:
    facts = [(_tr("Repository"), offer.repo)]
    if offer.licence:
        facts.append((_tr("Licence"), _licence(offer.licence)))
    if offer.sha256:
        facts.append((_tr("SHA-256"), _grouped(offer.sha256)))
    return facts


def _licence(code: str) -> str:
    return {"apache-2.0": "Apache 2.0", "mit": "MIT"}.get(code, code)


def _grouped(digest: str) -> str:
    """In groups that can wrap."""
    return " ".join(digest[at : at + 8] for at in range(0, len(digest), 8))


def _date(iso: str) -> str:
    day = QDate.fromString(iso, "yyyy-MM-dd")
    return QLocale().toString(day, "d MMMM yyyy") if day.isValid() else iso


def _family(family: str) -> str:
    return {
        "g1": _tr("User: … Assistant:, with thinking"),
        "world": _tr("User: … Assistant:"),
        "raven": _tr("Bob: … Alice:, and instructions"),
        "pile": _tr("plain text"),
        "novel": _tr("plain text"),
        "abc": _tr("ABC notation"),
        "midi": _tr("MIDI notes"),
        "bytes": _tr("User: … Assistant:"),
    }.get(family, family)


def _tokenizer(word: str) -> str:
    return {
        "world": _tr("World"),
        "neox20b": _tr("GPT-NeoX-20B"),
        "bytes": _tr("Bytes"),
        "midi": _tr("MIDI"),
        "midi-piano": _tr("MIDI piano"),
        "abc": _tr("ABC"),
        "none": _tr("not known: token ids only"),
    }.get(word, word)


def _numbers(dtype: str) -> str:
    return {
        "bf16": _tr("16-bit (bf16)"),
        "fp16": _tr("16-bit (fp16)"),
        "fp32": _tr("32-bit (fp32)"),
        "bfloat16": _tr("16-bit (bf16)"),
        "float16": _tr("16-bit (fp16)"),
        "float32": _tr("32-bit (fp32)"),
    }.get(dtype, dtype.upper() if dtype.startswith("q") else dtype)


def _tr(text: str) -> str:
    return QCoreApplication.translate("facts", text)
