"""One way to run a model as the dialog shows it: words and two or three figures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """``strategy`` is its text, ``title`` its name ("8-bit on the processor").

    ``memory`` and ``speed`` are figures with units, the former what is taken while it writes and at
    most, and ``detail`` tells when that is.  ``reading`` is the speed without a number,
    ``about`` says how exact it is, ``why`` why it is recommended or does not fit.  ``runs`` tells
    whether it can be begun, ``tight`` that this needs memory which others have now, and ``now``
    that the model runs like this.
    """

    strategy: str
    title: str
    memory: str
    detail: str = ""
    speed: str = ""
    reading: str = ""
    about: str = ""
    why: str = ""
    recommended: bool = False
    now: bool = False
    runs: bool = True
    tight: bool = False

    @property
    def figures(self) -> str:
        """Memory and speed in one line."""
        quick = ", ".join(filter(None, (self.speed, self.reading)))
        return " · ".join(filter(None, (self.memory, quick)))
