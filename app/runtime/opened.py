"""A model in memory, and all that is needed to talk to it; knows no process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from app import __version__
from app.runtime.checkpoint.file_names import name_of
from app.runtime.families.family import Family
from app.runtime.planning.plan import Plan
from app.runtime.planning.strategy import Strategy
from app.runtime.protocol.messages import Loaded, SteppedDown
from app.runtime.protocol.states import StateFacts
from app.runtime.states.state_files import Binding
from app.runtime.states.state_key import MadeWith, StartingPoint
from app.runtime.states.state_store import Trail
from app.runtime.tokenizers import Tokenizer

if TYPE_CHECKING:
    from app.runtime.models import Rwkv
    from app.runtime.models.embedding_head import EmbeddingHead

_LONGEST_NAME = 200


@dataclass(frozen=True)
class Opened:
    """A model in memory, and all that is needed to talk to it.

    ``fingerprint`` is of the weights as they are used, a start state and adapters that were merged
    into them included; ``file_fingerprint`` finds the file again.
    ``embedding_heads`` are those of a model for sentence embeddings, by task.
    """

    path: Path
    fingerprint: str
    file_fingerprint: str
    model: "Rwkv"
    tokenizer: Tokenizer
    family: Family
    plan: Plan
    load_s: float
    stepped_down: SteppedDown | None = None
    embedding_heads: "Mapping[str, EmbeddingHead]" = field(default_factory=dict)

    @property
    def strategy(self) -> Strategy:
        """The way that it runs in."""
        return self.plan.strategy

    @property
    def made_with(self) -> MadeWith:
        """How its states are computed."""
        return MadeWith(self.strategy.layer_formats, self.model.backend)

    @property
    def computes(self) -> str:
        """What the bits of its numbers depend on besides the weights and the texts."""
        threads = torch.get_num_threads()
        return " ".join((*self.made_with, __version__, torch.__version__, str(threads)))

    @property
    def binding(self) -> Binding:
        """What a state must belong to."""
        return Binding(self.fingerprint, self.tokenizer.name, self.file_fingerprint)

    def point(self, start: str = "") -> StartingPoint:
        """Where its texts begin: at ``start``, the digest of a state, or at its own beginning."""
        return StartingPoint(self.fingerprint, self.tokenizer.name, start)

    def state_facts(self, trail: Trail) -> StateFacts:
        """What is told of a state that this model has computed."""
        key = trail.prefix.key
        return StateFacts(
            tokens=trail.before + key.tokens,
            since=key.tokens,
            model=name_of(self.path)[:_LONGEST_NAME],
            fingerprint=self.fingerprint,
            tokenizer=self.tokenizer.name,
            format=self.made_with.format,
            backend=self.made_with.backend,
            approximate=trail.approximate,
            start=key.point.start,
            prefix=key.prefix,
        )

    def loaded(self, request: int) -> Loaded:
        """What the window is told about it."""
        return Loaded(
            id=request,
            path=str(self.path),
            name=name_of(self.path),
            spec=self.model.spec,
            strategy=self.strategy.text,
            backend=self.model.backend,
            note=self.model.note,
            stepped_down=self.stepped_down,
            fingerprint=self.fingerprint,
            plan=self.plan,
            weights_bytes=self.model.weights_bytes,
            load_s=self.load_s,
            tokenizer=self.tokenizer.kind,
            vocabulary=self.tokenizer.identity,
            vocabulary_not_used=self.tokenizer.not_used,
            has_tokenizer=self.tokenizer.failure is None,
            family=self.family.name,
            templates=self.family.templates,
            thinks=self.family.thinks,
            sampling=self.family.sampling,
            embeds=tuple(self.embedding_heads),
        )
