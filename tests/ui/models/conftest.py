"""A Models page on real files, and the words for what it shows."""

import pytest
from PySide6.QtWidgets import QLabel

from tests.ui.conftest import settled, shown, until


@pytest.fixture
def filled(build, models_folder):
    """Builds a page on the folder of test models."""
    return build(page="models", folders=(str(models_folder),))


def page_of(house):
    return house.window.go("models")


def titles(house):
    found = page_of(house).found
    return [found.index(row, 0).data() for row in range(found.rowCount())]


def select(house, words):
    page = page_of(house)
    entry = next(one for one in house.library.entries if words in str(one.path))
    page.listing.select(entry.path)
    assert page.listing.entry is entry
    return entry


def said(widget):
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


async def ready(house):
    await shown(house)
    await until(lambda: house.library.scanned and not house.library.scanning)
    await until(lambda: house.services.session.loaded is not None)
    await settled()
