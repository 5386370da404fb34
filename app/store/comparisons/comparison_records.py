"""Comparisons of what models write, as values: a grid, its answers, and how two models differ."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from app.store.documents.document_records import WritingSettings
from app.store.records import Reply

MOST_WAYS, MOST_ROWS = 4, 32
"""Models or strategies beside each other, and rows below each other: so many at most."""

HOLE = "{{text}}"
"""Where each prompt stands in the start."""


class ModelRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model and the strategy that it runs in; ``name`` is what the model is called."""

    path: str
    strategy: str
    name: str = ""


class Row(NamedTuple):
    """One line of a grid: which prompt and which settings, from 0, and the seed."""

    prompt: int
    settings: int
    seed: int


class Place(NamedTuple):
    """A cell of a grid: its line and its way, from 0."""

    row: int
    way: int


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written: every prompt with all settings and seeds, in every way.

    Each prompt takes the place of {{text}} in the ``start``, or follows it where it has none;
    without prompts the start is the only one.
    """

    start: str = ""
    prompts: tuple[str, ...] = ()
    settings: tuple[WritingSettings, ...] = (WritingSettings(limit=128),)
    seeds: tuple[int, ...] = (1,)
    ways: tuple[ModelRun, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """Its lines, from the top."""
        prompts = range(max(1, len(self.prompts)))
        return tuple(
            Row(prompt, settings, seed)
            for prompt in prompts
            for settings in range(len(self.settings))
            for seed in self.seeds
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """All cells, one way after the other."""
        rows = range(len(self.rows))
        return tuple(Place(row, way) for way in range(len(self.ways)) for row in rows)

    def text_of(self, row: Row) -> str:
        """The text that is gone on with in a line."""
        if not self.prompts:
            return self.start
        prompt = self.prompts[row.prompt]
        return self.start.replace(HOLE, prompt) if HOLE in self.start else self.start + prompt


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was written in a cell: its text, its tokens, and how that went.

    ``ids`` belong to a ``vocabulary``; ``lengths`` are how many characters of the text each ends.
    """

    text: str = ""
    ids: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()
    vocabulary: str = ""
    reply: Reply = Reply()

    @property
    def failed(self) -> bool:
        """Whether a failure ended it."""
        return bool(self.reply.failure)


class TokenDifference(msgspec.Struct, frozen=True, array_like=True):
    """One token of a text that two models have read, and how they differ before it.

    ``kl`` is KL(first || second) of the distributions for this place, in nats, and the log-
    probabilities are those of the token; None for the first one, of which nothing is known.
    ``first_best`` and ``second_best`` are what each would have written: the same where they agree.
    """

    token: int
    text: str
    kl: float | None = None
    first_logprob: float | None = None
    second_logprob: float | None = None
    first_best: str = ""
    second_best: str = ""
    agree: bool = True


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How two models differ on a text of ``tokens``: the means and the most over all places.

    The distribution after the last token counts as well.  Perplexities are None where nothing was
    predicted.
    """

    tokens: int
    mean_kl: float
    max_kl: float
    top1_agreement: float
    perplexity_a: float | None = None
    perplexity_b: float | None = None


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """How the ways of two cells differ on the text of the ``first``: its prompt and its answer.

    ``prompt_tokens`` of the ``tokens`` are the prompt's.
    """

    first: Place
    second: Place
    figures: Figures
    prompt_tokens: int = 0
    tokens: tuple[TokenDifference, ...] = ()


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison without its answers; times are seconds since 1970.

    ``damaged``: its grid cannot be read.
    """

    id: str
    title: str = ""
    created: float = 0.0
    updated: float = 0.0
    grid: Grid = Grid()
    damaged: bool = False


class OpenedComparison(NamedTuple):
    """A comparison with all that was written of it."""

    comparison: Comparison
    answers: Mapping[Place, Answer]
    divergences: tuple[Divergence, ...]
    trashed: bool = False
