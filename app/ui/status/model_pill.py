"""What the model pill says for each state of the session; draws nothing."""

from dataclasses import dataclass
from pathlib import Path

from app.messages.translate import tr
from app.runtime.checkpoint.file_names import name_of
from app.runtime.protocol.messages import Loaded
from app.runtime.worker.phase import Phase
from app.ui.state.models.model_names import plain_name, plain_way
from app.ui.state.session import Session


@dataclass(frozen=True)
class Pill:
    """Icon with its colour role, the words, and the tooltip."""

    picture: str
    role: str
    text: str
    hint: str


def pill_of(session: Session) -> Pill:
    """The pill for the session as it is now."""
    change = tr("Change how it runs, or choose another model")
    if session.phase is Phase.LOADING:
        return Pill("dot", "warn", _opening(session), tr("The model is being opened"))
    if session.phase is Phase.DEAD:
        return Pill("alert", "bad", tr("The model stopped"), tr("Open it again, or another"))
    if session.phase is Phase.RESTING and session.loaded is not None:
        name = plain_name(session.loaded.name, session.loaded.spec.parameters)
        if session.parked:
            hint = tr("Its weights are in memory; it goes on with your next message")
            return Pill("pause", "text-dim", tr("{} · parked").format(name), hint)
        hint = tr("Its memory is free; your next message opens it again")
        return Pill("pause", "text-dim", tr("{} · let go").format(name), hint)
    if session.loaded is not None:
        said = session.loaded
        name = plain_name(said.name, said.spec.parameters)
        text = f"{name} · RWKV-{said.spec.generation} · {plain_way(said.strategy)}"
        return Pill("dot", "good", text, "\n".join((change, *_computing(said))))
    return Pill("dot", "edge", tr("No model is open"), tr("Choose a model (Ctrl+M)"))


def _computing(said: Loaded) -> list[str]:
    """What computes, and why nothing faster does."""
    lines = [tr("Computed by {}").format(said.backend)] if said.backend else []
    if said.stepped_down is not None:
        from app.messages.gpu_status import (  # seldom needed
            step_in_detail,
            stepped_down_in_words,
        )

        lines.append(stepped_down_in_words(said.stepped_down, said.strategy))
        lines.append(step_in_detail(said.stepped_down, said.strategy))
    return [*lines, said.note] if said.note else lines


def _opening(session: Session) -> str:
    name = plain_name(name_of(Path(session.opening)), 0) if session.opening else ""
    progress = session.progress
    if progress is None or not progress.total:
        return tr("Opening {}").format(name)
    return tr("{} · loading layer {} of {}").format(name, progress.done, progress.total)
