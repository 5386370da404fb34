"""Adapters in a model's details: chosen with their alpha, used at the next opening, taken away."""

import os

from app.store.chosen_adapters import ChosenAdapter
from tests.support import adapters
from tests.support.checkpoints import random_tensors, write_pth
from tests.ui.conftest import settled, until
from tests.ui.models.conftest import page_of, ready, select


async def test_alpha_is_asked_for_and_what_is_chosen_counts_from_the_next_opening(filled, tmp_path):
    await ready(filled)
    page, session = page_of(filled), filled.services.session
    part = page.details.adapters
    entry = select(filled, "rwkv7")
    await session.opened(entry.path)
    path = write_pth(tmp_path / "lora & more.pth", adapters.lora(random_tensors("7.0"))[0])
    part.adapters.add(entry.path, path)
    await until(part.use.isVisible)
    assert part.alpha.value() == 2.0 * adapters.RANK
    part.alpha.setValue(6.5)
    part.use.click()
    part.use.click()  # a second press finds nothing asked
    chosen = filled.services.settings.now.adapters
    assert chosen == {str(entry.path): (ChosenAdapter(str(path), 6.5),)}
    await until(part.reopen.isVisible)
    part.reopen.click()
    await until(lambda: session.merged)
    await until(part.reopen.isHidden)
    (merged,) = session._supervisor.merged
    assert (os.fsdecode(merged.path), merged.alpha) == (str(path), 6.5)
    select(filled, "Raven")
    await settled()
    assert part._rows.count() == 0
    select(filled, "rwkv7")
    assert part._rows.count() == 1
    filled.library.follow(entry.path, entry.path.with_name("renamed.pth"))
    assert list(filled.services.settings.now.adapters) == [str(entry.path.with_name("renamed.pth"))]
    filled.library.follow(entry.path.with_name("renamed.pth"), entry.path)
    part.adapters.remove(entry.path, str(path))
    assert filled.services.settings.now.adapters == {}
    await until(part.reopen.isVisible)


async def test_what_is_no_adapter_is_told_and_not_chosen(filled, tmp_path):
    await ready(filled)
    part = page_of(filled).details.adapters
    entry = select(filled, "rwkv7")
    (tmp_path / "notes.pth").write_bytes(b"no adapter")
    part.adapters.add(entry.path, tmp_path / "notes.pth")
    await until(lambda: filled.window.notices.notice is not None)
    assert filled.services.settings.now.adapters == {}
