"""What people paste from a browser names a repository or a file; what is no page names nothing."""

import pytest

from app.hub.sources.endpoints import endpoint_at
from app.hub.sources.pasted import Pasted, pasted
from app.hub.sources.remote import Hub
from tests.support.hub_server import HubServer, online, repository

G1, FILE = "BlinkDL/rwkv7-g1", "rwkv7-g1k-1.5b-20260930-ctx25600.pth"


@pytest.mark.parametrize(
    ("text", "file"),
    [
        (f"https://huggingface.co/{G1}", ""),
        (f"  https://huggingface.co/{G1}/ ", ""),
        (f"huggingface.co/{G1}/tree/main", ""),
        (f"https://www.huggingface.co/{G1}?library=transformers#files", ""),
        (f"https://huggingface.co/{G1}/blob/main/{FILE}", FILE),
        (f"https://huggingface.co/{G1}/resolve/main/{FILE}?download=true", FILE),
        (f"https://huggingface.co/{G1}/resolve/0123abc/sub/{FILE}", f"sub/{FILE}"),
        (f"https://hf.co/{G1}", ""),
        (f"HTTPS://HF-Mirror.com/{G1}/blob/main/{FILE}", FILE),
        (f"https://models.example.org:8443/{G1}", ""),
        ("https://modelscope.cn/models/Blink_DL/rwkv7-g1", ""),
        (f"https://www.modelscope.cn/models/Blink_DL/rwkv7-g1/resolve/master/{FILE}", FILE),
        (f"https://modelscope.cn/models/Blink_DL/rwkv7-g1/file/view/master/{FILE}", FILE),
        ("modelscope.cn/models/Blink_DL/rwkv7-g1/summary", ""),
        (f"git clone https://huggingface.co/{G1}", ""),
        (f"wget https://huggingface.co/{G1}/resolve/main/{FILE}", FILE),
        (f"hf download {G1}", ""),
        (f"hf download {G1} {FILE} --local-dir .", FILE),
        (f"huggingface-cli download {G1} --revision main", ""),
    ],
)
def test_the_address_of_a_page_names_its_repository_and_file(text, file):
    assert pasted(text) == Pasted(repo=G1, file=file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "g1 1.5b",
        "BlinkDL/rwkv7-g1",
        "https://huggingface.co/BlinkDL",
        "https://huggingface.co/datasets/BlinkDL/minipile",
        "https://huggingface.co/spaces/BlinkDL/demo",
        "https://[::1/a/b",
        "https://huggingface.co/../etc/passwd",
        "see https://huggingface.co/BlinkDL/rwkv7-g1",
        "git clone the model",
        "hf download",
        "hf download --help",
    ],
)
def test_what_is_no_such_page_is_searched_for_as_words(text):
    assert pasted(text) is None


def test_a_search_for_an_address_finds_that_repository_or_file_alone(tmp_path):
    files = {"poems-0.1b.pth": b"a", "more-0.1b.pth": b"b"}
    served = [repository("someone/verses", files), repository("someone/rwkv-verses", files)]
    with HubServer(served) as server, online():
        hub = Hub(endpoint_at(server.url), cache_dir=tmp_path)
        page = "https://huggingface.co/someone/verses"
        found = hub.search(page)
        assert {one.key for one in found.entries} == {f"someone/verses/{one}" for one in files}
        (one,) = hub.search(f"{page}/blob/main/more-0.1b.pth").entries
        assert one.file == "more-0.1b.pth"
        missing = hub.search("https://huggingface.co/someone/nothing")
        assert missing.entries == ()
        assert missing.failure is not None
