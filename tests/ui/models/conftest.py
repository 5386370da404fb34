"""A Models page on real files, and the words for what it shows."""

import pytest
from PySide6.QtWidgets import QLabel

from tests.ui.conftest import settled, shown, until


@pytest.fixture
def filled(build, models_folder):
    """Builds a page on the folder of test models."""
    return build(page="models", folders=(str(models_folder),))


def page_of(application):
    return application.window.go("models")


def titles(application):
    return [entry.title for entry in page_of(application).rows.shown]


def here(application):
    return [entry.title for entry in page_of(application).rows.shown if entry.here]


def select(application, words):
    page = page_of(application)
    entry = next(one for one in page.rows.shown if words in str(one.path))
    page.listing.select(entry.key)
    assert page.listing.entry is entry
    return entry


def said(widget):
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


async def ready(application):
    await shown(application)
    await until(lambda: application.library.scanned and not application.library.scanning, 30)
    page_of(application)
    await until(lambda: application.services.catalogue.entries, 30)
    await until(lambda: application.services.session.loaded is not None, 30)
    await settled()
