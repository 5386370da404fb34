"""What a file's header says, as pairs of words for the details pane; draws nothing."""

from PySide6.QtCore import QCoreApplication

from app.runtime.spec import Spec
from app.ui.amounts import short_count, size, whole

from .entry import Entry


def facts_of(entry: Entry) -> list[tuple[str, str]]:
    """Name and value of everything known, the most telling first."""
    model = _model(entry.file.spec, entry) if entry.file.spec else []
    return [*model, *_file(entry)]


def _model(spec: Spec, entry: Entry) -> list[tuple[str, str]]:
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
        (_tr("Tokenizer"), _tokenizer(entry.file.tokenizer)),
        (_tr("Numbers"), _numbers(entry.file.dtype)),
    ]


def _file(entry: Entry) -> list[tuple[str, str]]:
    file = entry.file
    form = " · ".join(part for part in (file.format, file.dialect) if part)
    facts = [(_tr("Size"), size(file.bytes))] if file.bytes else []
    facts += [(_tr("Format"), form)] if form else []
    where = _tr("part of Rookery") if file.embedded else str(entry.path.parent)
    return [*facts, (_tr("Folder"), where)]


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
    }.get(dtype, dtype)


def _tr(text: str) -> str:
    return QCoreApplication.translate("facts", text)
