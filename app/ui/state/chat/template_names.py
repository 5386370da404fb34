"""What prompt templates are called on the screen."""

from app.messages.translate import tr


def template_name(template: str) -> str:
    """A template in words."""
    names = {
        "world": tr("User and Assistant"),
        "g1": tr("G series (can think)"),
        "bot": tr("From G1h, with ✿ (can think)"),
        "instruction": tr("Instruction and Response"),
        "qa": tr("Question and Answer"),
        "raven": tr("Bob and Alice (Raven)"),
        "alpaca": tr("Instruction (Alpaca)"),
        "text": tr("None: the text goes on"),
        "abc": tr("Music in ABC"),
        "midi": tr("Music as MIDI"),
    }
    return names.get(template, template)
