"""Addresses of the three kinds of hub, and what is no address."""

import pytest

from app.errors import HubUnreachable
from app.hub.sources.endpoints import Endpoint, endpoint_at, endpoint_of
from app.messages.failures import one_line

G1 = "BlinkDL/rwkv7-g1"


def test_hugging_face_unless_something_else_is_chosen():
    assert endpoint_of() == Endpoint("huggingface", "https://huggingface.co")
    assert endpoint_of("mirror", " ") == endpoint_of()
    assert endpoint_of("mirror", "hub.example/") == Endpoint("mirror", "https://hub.example")
    assert endpoint_of("modelscope").is_modelscope


def test_the_environment_replaces_the_usual_hub_alone():
    there = {"HF_ENDPOINT": "http://localhost:8080/"}
    assert endpoint_of("huggingface", "", there) == Endpoint("mirror", "http://localhost:8080")
    assert endpoint_of("modelscope", "", there).is_modelscope
    assert endpoint_of("mirror", "https://a.example", there).address == "https://a.example"


@pytest.mark.parametrize(
    "address",
    ["a b", "ftp://x", "http://", "https://x:99999", "http://x/?q", "http://[x", "", "http://a@b"],
)
def test_what_is_no_address_is_refused_in_words(address):
    with pytest.raises(HubUnreachable) as caught:
        endpoint_at(address)
    assert "no address" in one_line(caught.value)


def test_an_address_says_by_itself_what_language_it_speaks():
    assert endpoint_at("https://www.modelscope.cn/").is_modelscope
    assert endpoint_at("huggingface.co").kind == "huggingface"
    assert endpoint_at("http://127.0.0.1:9").kind == "mirror"
    assert endpoint_at("http://127.0.0.1:9").host == "127.0.0.1:9"


def test_files_have_addresses_with_everything_escaped():
    name = "RWKV-4-Raven-1B5-v12-Eng98%-Other2%-20230520-ctx4096.pth"
    found = endpoint_of().file("BlinkDL/rwkv-4-raven", name)
    assert found == (
        "https://huggingface.co/BlinkDL/rwkv-4-raven/resolve/main/"
        "RWKV-4-Raven-1B5-v12-Eng98%25-Other2%25-20230520-ctx4096.pth"
    )
    assert (
        endpoint_of().file("a/b", "x/y.pth", "refs/pr/1").endswith("resolve/refs%2Fpr%2F1/x/y.pth")
    )


def test_modelscope_has_names_and_branches_of_its_own():
    there = endpoint_of("modelscope")
    assert there.file(G1, "a.pth") == (
        "https://modelscope.cn/models/Blink_DL/rwkv7-g1/resolve/master/a.pth"
    )
    assert there.page("RWKV/x") == "https://modelscope.cn/models/RWKV/x"
    assert (there.there("BlinkDL"), there.here("Blink_DL/rwkv7-g1")) == ("Blink_DL", G1)
    assert endpoint_of().there(G1) == G1
