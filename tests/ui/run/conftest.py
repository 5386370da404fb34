"""A window with a model open, a machine that is only described, and the mouse."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.runtime.planning.machine import Machine, Rates
from app.system.gpus import Gpu
from app.ui.run.run_dialog import RunDialog
from tests.ui.conftest import settled, shown, until

GB = 1_000_000_000
PLAIN = Machine(
    cpu="A processor",
    cores=2,
    instruction_set="avx2",
    memory_total=16 * GB,
    memory_available=12 * GB,
    rates=Rates(20e9),
)


def card(index=0, *, total=8 * GB, free=7 * GB, name="NVIDIA GeForce RTX 4060"):
    return Gpu(index=index, name=name, capability=89, total_bytes=total, free_bytes=free)


@pytest.fixture
def opened(build, models_folder, monkeypatch):
    """Opens a window on a described machine with the model ``name`` of the test folder open."""
    monkeypatch.setattr("app.ui.state.gpu_list.usable", tuple)

    async def begin(name="Raven", machine=PLAIN, page="chat", **settings):
        file = next(path for path in models_folder.iterdir() if name in path.name)
        application = build(
            page=page,
            gpus=machine.gpus,
            folders=(str(models_folder),),
            model=str(file),
            **settings,
        )
        application.services.planning.described = machine
        application.window.resize(1100, 800)
        await shown(application)
        await until(lambda: application.services.session.loaded is not None)
        await until(lambda: application.services.session.loaded.path == str(file))
        await settled()
        return application

    return begin


def press(widget):
    """One click with the mouse, on the middle of what shows the widget."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=widget.rect().center())


async def dialog_of(application) -> RunDialog:
    """The dialog, once it has looked at the machine and lies where it is to."""
    dialog = application.runs.dialog
    await until(lambda: dialog.isVisible() and dialog.state.plans is not None)
    await settled()
    return dialog


def of(dialog, words):
    """The card whose title has these words."""
    found = [one for one in dialog.cards if words in one.choice.title]
    assert found, [one.choice.title for one in dialog.cards]
    return found[0]
