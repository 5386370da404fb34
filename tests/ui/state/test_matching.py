"""Which offer a file is: by repository and hash, whatever it is called."""

from pathlib import Path

import msgspec
import pytest

from app.hub.catalogue.entries import Entry as Offer
from app.hub.catalogue.entries import Part
from app.runtime.checkpoint.describe import ModelFile
from app.runtime.origin import Origin, OriginFile
from app.runtime.sizes import spec_of
from app.ui.state.models.entry import dressed, joined, offered

SIZE = 382_000_000
SPEC = spec_of("7.0", 12, 768, 65536)
G1, WORLD, COPY = "1" * 64, "2" * 64, "3" * 64


def offer(repo, sha256="", file="model.safetensors", **facts):
    facts = {"generation": "7.0", "layers": 12, "width": 768, "vocabulary": 65536} | facts
    facts |= {"bytes": SIZE, "sha256": sha256, "format": "safetensors"}
    return offered(Offer(repo=repo, file=file, title=repo, **facts))


def here(path="/m/models/model.safetensors", repo="", sha256="", read="", **facts):
    """A file with a note of ``repo``, whose bytes were ``read``."""
    name = Path(path).name
    origin = None
    if repo:
        file = OriginFile(name=name, file="model.safetensors", bytes=SIZE, sha256=sha256)
        origin = Origin(repo=repo, file="model.safetensors", files=(file,))
    model = ModelFile(path=path, name="x", bytes=SIZE, spec=SPEC, origin=origin, files=(path,))
    model = msgspec.structs.replace(model, **facts)
    return dressed([model], lambda _: (read,))


def rows(files, *offers):
    """The repository that the file is shown as, and those that are still offered."""
    first, *rest = joined(files, offers)
    return first.offer and first.offer.repo, [one.offer.repo for one in rest]


def test_a_usual_name_and_an_equal_size_say_nothing():
    offers = offer("fla-hub/rwkv7-g1"), offer("fla-hub/rwkv7-world")
    assert rows(here(), *offers) == (None, ["fla-hub/rwkv7-g1", "fla-hub/rwkv7-world"])


@pytest.mark.parametrize("hashes", [("", ""), (G1, WORLD)])
def test_the_note_tells_which_of_two_it_is(hashes):
    offers = offer("a/g1", hashes[0]), offer("b/world", hashes[1])
    assert rows(here(repo="b/world", sha256=hashes[1]), *offers) == ("b/world", ["a/g1"])


def test_a_note_whose_hash_is_another_one_is_of_another_version():
    assert rows(here(repo="a/g1", sha256=COPY), offer("a/g1", G1)) == (None, ["a/g1"])


def test_bytes_that_were_read_outweigh_the_note_and_the_name():
    offers = offer("a/g1", G1), offer("b/world", WORLD)
    planted = here("/m/rwkv7-g1.pth", repo="a/g1", sha256=G1, read=WORLD)
    assert rows(planted, *offers) == ("b/world", ["a/g1"])
    assert rows(here(repo="a/g1", sha256=G1, read=COPY), *offers) == (None, ["a/g1", "b/world"])


def test_the_same_bytes_in_two_repositories_are_of_the_one_in_the_note():
    offers = offer("a/g1", G1), offer("b/mirror", G1)
    assert rows(here(repo="b/mirror", sha256=G1, read=G1), *offers) == ("b/mirror", [])
    assert rows(here(read=G1), *offers) == ("a/g1", [])


NAME = "rwkv7-g1-0.1b.safetensors"


def test_what_an_earlier_version_brought_is_known_by_name_size_and_shape():
    old = here(f"/m/models/{NAME}")
    assert rows(old, offer("a/g1", G1, NAME)) == ("a/g1", [])
    assert rows(old, offer("a/g1", G1, NAME), offer("b/other", WORLD, NAME))[0] is None
    assert rows(old, offer("a/g1", G1, NAME, layers=24))[0] is None
    assert rows(here(f"/m/models/{NAME}", spec=None), offer("a/g1", G1, NAME))[0] is None
    assert rows(here("/m/models/g1/model.safetensors"), offer("a/g1", G1)) == ("a/g1", [])


def test_a_model_in_several_files_is_known_by_all_of_them():
    parts = tuple(
        Part(path=f"model-0000{at}-of-00002.safetensors", bytes=1, sha256=sha)
        for at, sha in ((1, G1), (2, WORLD))
    )
    index = "model.safetensors.index.json"
    several = Offer(repo="a/g1", file=index, parts=(Part(path=index), *parts), bytes=SIZE)
    model = here("/m/x/model.safetensors.index.json")[0].file
    for read, repo in (((G1, WORLD), "a/g1"), ((G1, COPY), None), ((G1, ""), None)):
        assert rows(dressed([model], lambda _, read=read: read), offered(several))[0] == repo


def test_what_a_download_has_left_is_of_its_repository():
    file = OriginFile(name="model.safetensors", file="model.safetensors")
    origin = Origin(repo="b/world", file="model.safetensors", files=(file,))
    part = ModelFile(path="/m/w/model.safetensors.part", name="w", kind="unfinished", origin=origin)
    first, *rest = joined(dressed([part]), (offer("a/g1", G1), offer("b/world", WORLD)))
    assert first.resumable
    assert first.offer.repo == "b/world"
    assert [one.offer.repo for one in rest] == ["a/g1"]
