"""What ``rookery score --per-token`` tells of each token of a text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.runtime.generation.token_facts import facts_of
from app.runtime.protocol.generate_options import Outputs
from app.runtime.tokenizers import Tokenizer

from .output import emit

if TYPE_CHECKING:
    import torch

_WANTED = Outputs(logprob=True, entropy=True, rank=True)


class TokenScores:
    """How likely each token of a text is after those before it; nothing is known of the first.

    ``rows`` grow with the logits that are taken: id, text, logprob, entropy and rank, in nats.
    The text of a token is what it completes: a character whose bytes are several tokens stands
    with the last of them, so all texts together are the text that was read.
    """

    def __init__(self, tokens: Sequence[int], tokenizer: Tokenizer) -> None:
        texts = _texts(tokens, tokenizer)
        unknown = {"logprob": None, "entropy": None, "rank": None}
        self.rows: list[dict[str, Any]] = [
            {"id": token, "text": text, **unknown}
            for token, text in zip(tokens, texts, strict=True)
        ]

    def take(self, first: int, logits: "torch.Tensor") -> None:
        """Logits (T, V) after the tokens from ``first`` on.  Raises NumbersBroken."""
        for row, known in zip(self.rows[first + 1 :], logits, strict=False):
            facts = facts_of(known, row["id"], _WANTED)
            row.update(logprob=facts.logprob, entropy=facts.entropy, rank=facts.rank)

    def print(self) -> None:
        """One token a line: id, log-probability, entropy, rank and text."""
        emit(f"{'id':>6} {'logprob':>10} {'entropy':>8} {'rank':>6}  text")
        for row in self.rows:
            logprob, entropy = (_number(row[name]) for name in ("logprob", "entropy"))
            rank = "" if row["rank"] is None else row["rank"]
            emit(f"{row['id']:>6} {logprob:>10} {entropy:>8} {rank:>6}  {row['text']!r}")


def _texts(tokens: Sequence[int], tokenizer: Tokenizer) -> list[str]:
    """Bytes that are no UTF-8 become U+FFFD, those that are cut at the end too."""
    decoder = tokenizer.decoder()
    texts = [decoder.feed(token) for token in tokens]
    texts[-1] += decoder.flush()
    return texts


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
