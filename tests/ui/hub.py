"""A loopback hub for the pages: real models of small size, and files that come slowly."""

from pathlib import Path

from tests.runtime.small_models import small_file
from tests.support.hub_server import HubServer, Virtual, repository

MODEL = "rwkv7-g1d-0.1b-20260129-ctx8192.pth"
LARGE = "rwkv7-g1k-1.5b-20260930-ctx25600.pth"
NEW = "rwkv7-g2-0.4b-20271101-ctx8192.pth"
PAGE = """---
license: apache-2.0
---
# The page of <b>G1</b>
![a picture](http://127.0.0.1:9/spy.png) <script>alert(1)</script>
Read [more](https://example.org/more), not [this](javascript:alert(1)).
"""


def small_hub(folder: Path) -> HubServer:
    """One repository of an official account: a model that runs, a large file, and a new release."""
    model = small_file(folder, "7.0", name="tiny")
    return HubServer(
        [
            repository(
                "BlinkDL/rwkv7-g1",
                {
                    "README.md": PAGE.encode(),
                    MODEL: model,
                    LARGE: Virtual(60_000_000),
                    NEW: Virtual(9_000_000),
                },
            ),
            repository("someone/rwkv-gem", {"rwkv7-gem-0.4b.pth": Virtual(1_000_000)}),
        ]
    )
