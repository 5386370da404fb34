"""Try again is offered for what may pass, and for nothing else."""

import pytest

from app.errors import (
    ChangedOnHub,
    DamagedCheckpoint,
    DiskFull,
    DownloadBusy,
    Failure,
    ForeignCheckpoint,
    HostileCheckpoint,
    HubBusy,
    HubGarbled,
    HubMissing,
    HubRefused,
    HubUnreachable,
    NoModel,
    NotFound,
    OutOfMemory,
    UnsafeName,
    UnsupportedFormat,
    UnsupportedVariant,
    WorkerDied,
    WrongHash,
)
from app.hub.catalogue.entries import Entry
from app.hub.downloads.item import Item, items_of, line_of
from app.ui.downloads.download_card import Card
from app.ui.look.theme import Theme
from app.ui.models.main_button import MainButtons
from app.ui.state.models.entry import offered
from app.ui.transcript.failure_card import FailureCard

PASSING = [
    HubUnreachable(host="h"),
    HubBusy(wait_s=3),
    HubGarbled(),
    DiskFull(path="p"),
    DownloadBusy(path="p"),
    Failure("x"),
]
LASTING = [HubRefused(host="h"), HubMissing(file="f"), ChangedOnHub(file="f"), UnsafeName(file="f")]


def item(failure: Failure, **facts) -> Item:
    entry = Entry(repo="a/b", file="c.pth", bytes=10)
    return Item(
        id="1", entry=entry, folder="f", path="f/c.pth", state="failed", failure=failure, **facts
    )


def named(one) -> str:
    return type(one).__name__ if isinstance(one, Failure) else ""


@pytest.mark.parametrize("failure", [*PASSING, *LASTING], ids=named)
def test_a_download_is_tried_again_only_where_that_can_help(qapp, qtbot, failure):
    card, buttons = Card(Theme("light")), MainButtons(Theme("light"))
    for widget in (card, buttons):
        qtbot.addWidget(widget)
        widget.show()
    one = item(failure)
    card.show_item(one)
    buttons.show_entry(offered(one.entry))
    buttons.show_state(is_open=False, loading=False, progress=None, item=one)
    assert card.retry.isVisible() is buttons.resume.isVisible() is (failure in PASSING)
    assert card.cancel.isVisible()


def test_wrong_bytes_are_fetched_once_more_and_not_for_ever():
    assert item(WrongHash(file="f"), wrong_hashes=1).retryable
    twice = item(WrongHash(file="f"), wrong_hashes=2)
    assert not twice.retryable
    (again,) = items_of((line_of(twice),))
    assert not again.retryable, "the next start knows it, too"


@pytest.mark.parametrize("failure", LASTING, ids=named)
def test_another_hub_or_token_may_do_better(failure):
    assert item(failure, hub_changed=True).retryable


@pytest.mark.parametrize(
    ("failure", "offered"),
    [
        (WorkerDied(exit_code=-9), True),
        (OutOfMemory(), True),
        (NotFound(path="p"), False),
        (NoModel(), False),
        (DamagedCheckpoint(path="p"), False),
        (HostileCheckpoint(path="p"), False),
        (ForeignCheckpoint(path="p"), False),
        (UnsupportedFormat(path="p"), False),
        (UnsupportedVariant(path="p"), False),
    ],
    ids=named,
)
def test_failures_of_a_model_say_themselves_whether_they_may_pass(qtbot, failure, offered):
    assert failure.retryable is offered
    card = FailureCard(failure, retryable=failure.retryable)
    qtbot.addWidget(card)
    card.show()
    assert card.retry.isVisible() is offered
