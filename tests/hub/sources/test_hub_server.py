"""The hub of the tests is one that the unmodified huggingface_hub client takes for real."""

import contextlib
import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download, set_client_factory
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils._http import default_client_factory

from tests.support.hub_server import Fault, HubServer, Virtual, online, repository

MODEL = bytes(range(256)) * 300


@pytest.fixture
def hub() -> Iterator[HubServer]:
    one = repository(
        "BlinkDL/tiny",
        {"tiny.pth": MODEL, "README.md": b"# Tiny", "deep/config.json": b"{}"},
        likes=7,
        tags=["rwkv"],
    )
    others = [
        repository("BlinkDL/big", {"big.pth": Virtual(3_000_017)}),
        repository("someone/tiny-too", {"a.safetensors": b"x"}),
        repository("someone/secret", {"b.pth": b"y"}, private=True),
        repository("someone/gated", {"c.pth": b"z"}, gated="manual"),
    ]
    set_client_factory(default_client_factory)  # the library's own, not that of the program
    with online(), HubServer([one, *others]) as server:
        server.tokens.add("hf_known")
        yield server


def test_models_are_found_by_author_and_by_text(hub: HubServer) -> None:
    api = HfApi(hub.url, token=False)
    assert {one.id for one in api.list_models(author="BlinkDL")} == {"BlinkDL/tiny", "BlinkDL/big"}
    assert {one.id for one in api.list_models(search="TINY")} == {
        "BlinkDL/tiny",
        "someone/tiny-too",
    }
    assert len(list(api.list_models(limit=1))) == 1
    assert "someone/secret" not in {one.id for one in api.list_models()}
    assert "someone/secret" in {one.id for one in api.list_models(token="hf_known")}


def test_a_model_tells_its_files_their_sizes_and_digests(hub: HubServer) -> None:
    api = HfApi(hub.url, token=False)
    info = api.model_info("BlinkDL/tiny", files_metadata=True)
    assert info.likes == 7
    assert info.siblings is not None
    large = next(one for one in info.siblings if one.rfilename == "tiny.pth")
    assert large.size == len(MODEL)
    assert large.lfs is not None
    assert large.lfs.sha256 == hashlib.sha256(MODEL).hexdigest()
    tree = {one.path for one in api.list_repo_tree("BlinkDL/tiny", recursive=True)}
    assert tree == {"tiny.pth", "README.md", "deep", "deep/config.json"}
    assert {one.path for one in api.list_repo_tree("BlinkDL/tiny", "deep")} == {"deep/config.json"}
    assert api.get_paths_info("BlinkDL/tiny", ["tiny.pth"])[0].path == "tiny.pth"
    by_commit = api.model_info("BlinkDL/tiny", revision=info.sha)
    assert by_commit.sha == info.sha


def test_the_client_downloads_a_large_and_a_small_file(hub: HubServer, tmp_path: Path) -> None:
    for name, data in (("tiny.pth", MODEL), ("README.md", b"# Tiny")):
        got = hf_hub_download(
            "BlinkDL/tiny", name, endpoint=hub.url, local_dir=tmp_path, token=False
        )
        assert Path(got).read_bytes() == data
    assert hub.requests("cdn")
    assert not [one for one in hub.requests("cdn") if "README" in one.path]


def test_errors_carry_the_codes_that_the_client_knows(hub: HubServer) -> None:
    api = HfApi(hub.url, token=False)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("BlinkDL/nothing")
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("someone/secret")
    with pytest.raises(RevisionNotFoundError):
        api.model_info("BlinkDL/tiny", revision="other")
    with pytest.raises(EntryNotFoundError):
        api.get_hf_file_metadata(url=f"{hub.url}/BlinkDL/tiny/resolve/main/none.pth")
    with pytest.raises(GatedRepoError):
        api.get_hf_file_metadata(url=f"{hub.url}/someone/gated/resolve/main/c.pth")


def test_metadata_of_a_file_lead_to_the_other_host(hub: HubServer) -> None:
    api = HfApi(hub.url, token=False)
    found = api.get_hf_file_metadata(url=f"{hub.url}/BlinkDL/big/resolve/main/big.pth")
    assert found.size == 3_000_017
    assert found.etag == Virtual(3_000_017).sha256
    assert found.location.startswith(hub.cdn_url)


def _get(url: str, start: int | None = None, end: str = "", **headers: str) -> tuple[int, bytes]:
    asked = urllib.request.Request(url, headers=dict(headers))
    if start is not None:
        asked.add_header("Range", f"bytes={start}-{end}")
    try:
        with contextlib.closing(urllib.request.urlopen(asked)) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            return error.code, error.read()


def test_a_range_of_something_made_up_is_the_same_bytes_as_in_the_whole(hub: HubServer) -> None:
    url = f"{hub.url}/BlinkDL/big/resolve/main/big.pth"
    _, whole = _get(url)
    assert hashlib.sha256(whole).hexdigest() == Virtual(3_000_017).sha256
    for start, end in ((0, "15"), (5, "20"), (1 << 20, ""), (1048570, "2097160"), (2_999_999, "")):
        status, part = _get(url, start, end)
        assert status == 206
        assert part == whole[start : int(end) + 1 if end else None]
    assert _get(url, 3_000_017)[0] == 416


def test_if_range_with_another_etag_answers_with_everything(hub: HubServer) -> None:
    url = f"{hub.url}/BlinkDL/tiny/resolve/main/tiny.pth"
    status, whole = _get(url, 10, "19", **{"If-Range": '"other"'})
    assert (status, whole) == (200, MODEL)
    digest = hashlib.sha256(MODEL).hexdigest()
    assert _get(url, 10, "19", **{"If-Range": f'"{digest}"'}) == (206, MODEL[10:20])


def test_each_fault_happens_as_often_as_asked(hub: HubServer) -> None:
    url = f"{hub.url}/BlinkDL/tiny/resolve/main/tiny.pth"
    hub.fail(Fault(status=503, retry_after="1"))
    hub.fail(Fault(wrong_at=70_000))
    hub.fail(Fault(no_ranges=True))
    hub.fail(Fault(expired=True), times=2)
    assert _get(url)[0] == 503
    wrong = _get(url)[1]
    assert [at for at, byte in enumerate(wrong) if byte != MODEL[at]] == [70_000]
    assert _get(url, 10)[0] == 200
    assert [_get(url)[0] for _ in range(3)] == [403, 403, 200]


def test_a_cut_answer_ends_at_the_very_byte(hub: HubServer) -> None:
    import http.client

    hub.fail(Fault(cut_after=12_345))
    with contextlib.closing(
        urllib.request.urlopen(f"{hub.url}/BlinkDL/tiny/resolve/main/tiny.pth")
    ) as response:
        with pytest.raises(http.client.IncompleteRead) as cut:
            response.read()
        assert len(cut.value.partial) == 12_345
