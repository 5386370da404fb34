"""What a file's header and a hub say, as pairs of words for the details pane; draws nothing."""

from pathlib import Path

from PySide6.QtCore import QDate, QLocale

from app.hub.catalogue.entries import Entry as Offer
from app.messages.translate import tr
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
    facts = [(tr("Kind"), kind)] if kind else []
    if entry.languages:
        facts.append((tr("Languages"), ", ".join(map(language_name, entry.languages))))
    if offer and offer.family:
        facts.append((tr("Prompt format"), _family(offer.family)))
    if offer and offer.context:
        words = tr("{} tokens in training; no hard limit").format(whole(offer.context))
        facts.append((tr("Context"), words))
    if offer and offer.released:
        facts.append((tr("Released"), _date(offer.released)))
    return facts


def _model(spec: Spec) -> list[tuple[str, str]]:
    heads = tr("{} × {}").format(spec.heads, spec.head_size) if spec.heads else tr("none")
    parameters = tr("{} ({})").format(short_count(spec.parameters), whole(spec.parameters))
    return [
        (tr("Generation"), f"RWKV-{spec.generation}"),
        (tr("Parameters"), parameters),
        (tr("Layers"), whole(spec.layers)),
        (tr("Width"), whole(spec.width)),
        (tr("Heads"), heads),
        (tr("Feed-forward"), whole(spec.ffn_width)),
        (tr("Vocabulary"), tr("{} tokens").format(whole(spec.vocabulary))),
    ]


def _guessed(entry: Entry) -> list[tuple[str, str]]:
    """What a name tells where the sizes are not known."""
    facts = []
    if entry.generation:
        facts.append((tr("Generation"), f"RWKV-{entry.generation}"))
    if entry.parameters:
        facts.append((tr("Parameters"), short_count(entry.parameters)))
    return facts


def _file(entry: Entry) -> list[tuple[str, str]]:
    file = entry.file
    facts = [(tr("Size"), size(entry.bytes))] if entry.bytes else []
    if file is None:
        offer = entry.offer
        if offer is None:
            return facts
        count = len(offer.parts)
        facts += [(tr("Files"), whole(count))] if count > 1 else []
        form = offer.format if offer.format not in ("state", "lora") else Path(offer.file).suffix
        numbers = [(tr("Numbers"), _numbers(offer.dtype))] if offer.dtype else []
        return [*numbers, *facts, (tr("Format"), form.removeprefix("."))]
    if file.spec is not None:
        facts = [
            (tr("Tokenizer"), _tokenizer(file.tokenizer)),
            (tr("Numbers"), _numbers(file.dtype)),
            *facts,
        ]
    form = " · ".join(part for part in (file.format, file.dialect) if part)
    facts += [(tr("Format"), form)] if form else []
    where = tr("part of Rookery") if file.embedded else str(Path(file.path).parent)
    return [*facts, (tr("Folder"), where)]


def _origin(offer: Offer) -> list[tuple[str, str]]:
    facts = [(tr("Repository"), offer.repo)]
    if offer.licence:
        facts.append((tr("Licence"), _licence(offer.licence)))
    if offer.sha256:
        facts.append((tr("SHA-256"), _grouped(offer.sha256)))
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
        "g1": tr("User: … Assistant:, with thinking"),
        "world": tr("User: … Assistant:"),
        "raven": tr("Bob: … Alice:, and instructions"),
        "pile": tr("plain text"),
        "novel": tr("plain text"),
        "abc": tr("ABC notation"),
        "midi": tr("MIDI notes"),
        "bytes": tr("User: … Assistant:"),
    }.get(family, family)


def _tokenizer(word: str) -> str:
    return {
        "world": tr("World"),
        "neox20b": tr("GPT-NeoX-20B"),
        "bytes": tr("Bytes"),
        "midi": tr("MIDI"),
        "midi-piano": tr("MIDI piano"),
        "abc": tr("ABC"),
        "none": tr("not known: token ids only"),
    }.get(word, word)


def _numbers(dtype: str) -> str:
    return {
        "bf16": tr("16-bit (bf16)"),
        "fp16": tr("16-bit (fp16)"),
        "fp32": tr("32-bit (fp32)"),
        "bfloat16": tr("16-bit (bf16)"),
        "float16": tr("16-bit (fp16)"),
        "float32": tr("32-bit (fp32)"),
    }.get(dtype, dtype.upper() if dtype.startswith("q") else dtype)
