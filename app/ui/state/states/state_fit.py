"""Whether a state fits the model that is open, and all that is told of it in words; no widget."""

from enum import Enum

from PySide6.QtCore import QDateTime, QLocale

from app.library.states.state_records import NamedState
from app.messages.translate import tr, tr_n
from app.messages.units import size, whole
from app.runtime.protocol.messages import Loaded
from app.ui.state.models.model_names import plain_name, plain_numbers


class Fit(Enum):
    """NONE: no model is open.  SIZES: nothing but its sizes tells that it fits."""

    FITS = "fits"
    SIZES = "sizes"
    OTHER = "other"
    NONE = "none"
    BROKEN = "broken"


def fit_of(state: NamedState, loaded: Loaded | None) -> Fit:
    """Of a state and the model that is open."""
    if state.failure is not None:
        return Fit.BROKEN
    if loaded is None:
        return Fit.NONE
    if state.fingerprint:
        return Fit.FITS if state.fingerprint == loaded.fingerprint else Fit.OTHER
    sizes, spec = state.sizes, loaded.spec
    if not sizes.layers:
        return Fit.SIZES  # a list of tensors: the worker will say
    found = sizes.layers, sizes.heads, sizes.head_size
    return Fit.SIZES if found == (spec.layers, spec.heads, spec.head_size) else Fit.OTHER


def can_begin(fit: Fit) -> bool:
    """Whether texts of the open model can begin there."""
    return fit in (Fit.FITS, Fit.SIZES)


def model_words(state: NamedState) -> str:
    """What it belongs to."""
    if state.model:
        return plain_name(state.model, 0)
    sizes = state.sizes
    if sizes.layers and sizes.heads:
        told = tr("a model of {} layers and {} heads of {}")
        return told.format(sizes.layers, sizes.heads, sizes.head_size)
    return tr("not told by its file")


def fit_words(state: NamedState, fit: Fit) -> str:
    """One sentence, with what to do."""
    if fit is Fit.BROKEN:
        return tr("Its file is damaged, or holds no state.")
    if fit is Fit.FITS:
        return tr("It belongs to the model that is open.")
    if fit is Fit.SIZES:
        return tr("It fits the open model by its sizes; its file does not tell more.")
    if fit is Fit.NONE:
        return tr("Open {} to use it.").format(model_words(state))
    return tr("It needs {}, and another model is open.").format(model_words(state))


def kind_words(state: NamedState) -> str:
    """What kind of state it is, and how it was made."""
    facts = state.facts
    if facts.kind == "tuned":
        return tr("a tuned state")
    if facts.kind == "listed":
        return tr("a list of tensors, as the package rwkv keeps it")
    if not facts.format:
        return tr("read by a model")
    told = tr("read in {}, in part in another format") if facts.approximate else tr("read in {}")
    return told.format(plain_numbers(facts.format))


def token_words(count: int) -> str:
    """``12,345 tokens``; "" for none."""
    return tr_n("{} token", "{} tokens", count).format(whole(count)) if count else ""


def line_words(state: NamedState) -> str:
    """The second line of a row: what was read, tokens, model, size."""
    if state.failure is not None:
        return tr("damaged · {}").format(size(state.bytes))
    model = plain_name(state.model, 0).partition(",")[0] if state.model else kind_words(state)
    parts = (state.note.read, token_words(state.facts.tokens), model, size(state.bytes))
    return " · ".join(filter(None, parts))


def day_words(seconds: float) -> str:
    """A day, and the time in it."""
    moment = QDateTime.fromSecsSinceEpoch(int(seconds))
    return QLocale().toString(moment, QLocale.FormatType.ShortFormat)
