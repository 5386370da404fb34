"""What the card of one download shows."""

from msgspec.structs import replace

from app.errors import VocabularyMissing
from app.hub.catalogue.entries import Entry as Offer
from app.hub.downloads.download_queue import Item
from app.ui.downloads.download_card import Card
from tests.ui.conftest import shown


async def test_a_model_without_its_vocabulary_is_there_and_says_so(application):
    await shown(application)
    entry = Offer(repo="BlinkDL/rwkv-4-pile-169m", file="pile.pth", format="pth", title="Pile 169M")
    lack = VocabularyMissing(file="20B_tokenizer.json", why="vocabulary-not-there")
    item = Item(id="1", entry=entry, folder="/a", path="/a/pile.pth", state="done", total_bytes=9)
    card = Card(application.services.theme, application.window)
    card.show_item(replace(item, failure=lack))
    assert not card.chat.isHidden()
    assert not card.retry.isHidden()
    assert "20B_tokenizer.json" in card._why.text()
    assert "the hub does not have it" in card._why.text()
    card.show_item(item)
    assert (card.retry.isHidden(), card._why.text()) == (True, "")
