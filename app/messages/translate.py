"""The one way from the program's own English to another language: gettext, with plurals.

``tr`` and ``tr_n`` are called with literals where something is shown; a table of texts marks its
texts with ``tr_noop`` and calls ``tr`` when one is used.  Babel reads all three.  Catalogues are
resources/locale/LANGUAGE/LC_MESSAGES/rookery.mo; without one the English is shown.
"""

import gettext
from collections.abc import Sequence

from app.resources import resource

DOMAIN = "rookery"

_catalogue = gettext.NullTranslations()


def use_catalogue(catalogue: gettext.NullTranslations) -> gettext.NullTranslations:
    """Show the words of ``catalogue`` from now on, and return the one that was used before."""
    global _catalogue
    before, _catalogue = _catalogue, catalogue
    return before


def use_languages(languages: Sequence[str] | None = None) -> None:
    """Use the first of these languages, such as "de" or "pt_BR", that there is a catalogue of.

    None asks the environment (LANGUAGE, LC_ALL, LC_MESSAGES, LANG), as gettext does.
    """
    names = list(languages) if languages is not None else None
    folder = str(resource("locale"))
    use_catalogue(gettext.translation(DOMAIN, folder, names, fallback=True))


def tr(text: str) -> str:
    """The text in the language that is used."""
    return _catalogue.gettext(text) if text else ""


def tr_n(one: str, many: str, count: int) -> str:
    """The text for ``count`` things, by the plural rule of the language that is used."""
    return _catalogue.ngettext(one, many, count)


def tr_noop(text: str) -> str:
    """The text itself: it is translated with ``tr`` when it is used."""
    return text
