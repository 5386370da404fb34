"""Tokens and their log-probabilities as programs are told of them."""

from collections.abc import Iterable
from typing import Any

from app.runtime.protocol.messages import TokenFacts
from app.runtime.protocol.vocabulary_messages import Vocabulary


class TokenTexts:
    """The texts of one vocabulary; bytes that are no whole character become U+FFFD."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._pieces = vocabulary.pieces

    def bytes_of(self, token: int) -> bytes:
        """What the token stands for; nothing for one without text."""
        return self._pieces[token] if 0 <= token < len(self._pieces) else b""

    def text(self, token: int) -> str:
        """Its bytes as UTF-8."""
        return self.bytes_of(token).decode("utf-8", "replace")

    def chat_entries(self, facts: Iterable[TokenFacts], top: int) -> list[dict[str, Any]]:
        """As chat completions have them, with at most ``top`` others each."""
        return [
            {
                **self._entry(fact.token, fact.logprob),
                "top_logprobs": [self._entry(*one) for one in fact.top[:top]],
            }
            for fact in facts
        ]

    def _entry(self, token: int, logprob: float | None) -> dict[str, Any]:
        data = self.bytes_of(token)
        return {
            "token": data.decode("utf-8", "replace"),
            "logprob": 0.0 if logprob is None else logprob,
            "bytes": list(data),
        }


class CompletionLogprobs:
    """As completions have them: four lists, which grow."""

    def __init__(self, texts: TokenTexts, top: int) -> None:
        self._texts, self._top, self._at = texts, top, 0

    def told(self, facts: Iterable[Any]) -> dict[str, Any]:
        """Of some more tokens; where nothing is known of one, as of the first, None."""
        told: dict[str, Any] = {
            "tokens": [],
            "token_logprobs": [],
            "top_logprobs": [],
            "text_offset": [],
        }
        for fact in facts:
            text = self._texts.text(fact.token)
            told["tokens"].append(text)
            told["token_logprobs"].append(fact.logprob)
            told["top_logprobs"].append(self._best(fact))
            told["text_offset"].append(self._at)
            self._at += len(text)
        return told

    def _best(self, fact: Any) -> dict[str, float] | None:
        """Where two tokens have the same text, the likelier one stands for it."""
        if fact.logprob is None:
            return None
        best: dict[str, float] = {}
        for token, logprob in fact.top[: self._top]:
            best.setdefault(self._texts.text(token), logprob)
        return best
