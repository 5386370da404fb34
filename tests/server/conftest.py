"""A server in a process of its own with a small model, and clients of it."""

import httpx2
import openai
import pytest

from tests.runtime.small_models import small_file
from tests.support.served import served


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    folder = home / "models"
    folder.mkdir()
    model = small_file(folder, name="tiny")
    small_file(folder, name="other", seed=3)
    with served(
        *("--model", str(model), "--models-folder", str(folder), "--strategy", "cpu fp32"),
        *("--max-batch", "4", "--max-queue", "40"),
        home=home,
    ) as one:
        yield one


@pytest.fixture(scope="module")
def client(server):
    transport = httpx2.Client(trust_env=False, timeout=60)
    with openai.OpenAI(
        base_url=f"{server.address}/v1", api_key="any", http_client=transport, max_retries=0
    ) as one:
        yield one


@pytest.fixture(scope="module")
def plain(server):
    with server.client() as one:
        yield one
