"""A model in memory, and all that is needed to talk to it; knows no process."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.runtime.checkpoint.file_names import name_of
from app.runtime.families.family import Family
from app.runtime.planning.plan import Plan
from app.runtime.planning.strategy import Strategy
from app.runtime.protocol.messages import Loaded, SteppedDown
from app.runtime.tokenizers import Tokenizer

if TYPE_CHECKING:
    from app.runtime.models import Rwkv


@dataclass(frozen=True)
class Opened:
    """A model in memory, and all that is needed to talk to it."""

    path: Path
    fingerprint: str
    model: "Rwkv"
    tokenizer: Tokenizer
    family: Family
    plan: Plan
    load_s: float
    stepped_down: SteppedDown | None = None

    @property
    def strategy(self) -> Strategy:
        """The way that it runs in."""
        return self.plan.strategy

    def loaded(self, request: int) -> Loaded:
        """What the window is told about it."""
        return Loaded(
            id=request,
            path=str(self.path),
            name=name_of(self.path),
            spec=self.model.spec,
            strategy=self.strategy.text,
            backend=self.model.ops.name,
            note=self.model.ops.note,
            stepped_down=self.stepped_down,
            plan=self.plan,
            weights_bytes=self.model.weights_bytes,
            load_s=self.load_s,
            tokenizer=self.tokenizer.kind,
            vocabulary_not_used=self.tokenizer.not_used,
            has_tokenizer=self.tokenizer.failure is None,
            family=self.family.name,
            templates=self.family.templates,
            thinks=self.family.thinks,
            sampling=self.family.sampling,
        )
