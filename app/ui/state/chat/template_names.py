"""What prompt templates are called on the screen."""

from PySide6.QtCore import QCoreApplication


def template_name(template: str) -> str:
    """A template in words."""
    names = {
        "world": _tr("User and Assistant"),
        "g1": _tr("G series (can think)"),
        "bot": _tr("From G1h, with ✿ (can think)"),
        "instruction": _tr("Instruction and Response"),
        "qa": _tr("Question and Answer"),
        "raven": _tr("Bob and Alice (Raven)"),
        "alpaca": _tr("Instruction (Alpaca)"),
        "text": _tr("None: the text goes on"),
        "abc": _tr("Music in ABC"),
        "midi": _tr("Music as MIDI"),
    }
    return names.get(template, template)


def _tr(text: str) -> str:
    return QCoreApplication.translate("templates", text)
