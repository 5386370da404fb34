"""How many tokens a request has taken, counted from the ends of its texts."""

from typing import Any

from app.runtime.protocol.messages import Done


class Usage:
    """``note`` each text's Done; texts of the same ``prompt`` (a number) read it once."""

    def __init__(self) -> None:
        self._prompts: dict[int, tuple[int, int]] = {}
        self.written = 0
        self.read_s = self.write_s = 0.0

    def note(self, done: Done, prompt: int = 0) -> None:
        """One text has ended."""
        cached = done.prompt_tokens - done.computed_tokens
        known = self._prompts.get(prompt)
        if known is None or cached < known[1]:
            self._prompts[prompt] = (done.prompt_tokens, cached)
        self.written += done.tokens
        self.read_s = max(self.read_s, done.prefill_s)
        self.write_s = max(self.write_s, done.decode_s)

    @property
    def read(self) -> int:
        """Tokens of all prompts."""
        return sum(tokens for tokens, _ in self._prompts.values())

    @property
    def cached(self) -> int:
        """Those of them that were remembered."""
        return sum(cached for _, cached in self._prompts.values())

    def told(self) -> dict[str, Any]:
        """As completions have it."""
        return {
            "prompt_tokens": self.read,
            "completion_tokens": self.written,
            "total_tokens": self.read + self.written,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }
