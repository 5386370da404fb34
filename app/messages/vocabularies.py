"""What is said about a vocabulary beside a model."""

from .fact_filling import visible
from .translate import tr


def not_used_in_words(path: str) -> str:
    """That a vocabulary was passed over, and what can be done."""
    line = tr(
        "{path} is damaged or another model's vocabulary, so it is not used: this model has the "
        "usual World vocabulary. Replace that file, or take it away."
    )
    return line.format(path=visible(path))
