"""The native library, built at most once for all tests of kernels."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

from app.kernels.native import build

_BUILT = {"built", "library"}  # fixtures
_MINUTES = 15  # of one slow core


def pytest_collection_modifyitems(items):
    """Whichever test comes first waits for the compiler."""
    if build.is_fresh(build.HERE / build.NAME):
        return
    for item in items:
        if _BUILT.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.timeout(60 * _MINUTES), append=False)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The path of the library as its sources are now, or of the one that ROOKERY_NATIVE names."""
    named = os.environ.get("ROOKERY_NATIVE", "")
    if named.endswith(build.NAME):
        return Path(named)
    if build.find_compiler() is None:
        pytest.skip("no C++ compiler is installed")
    here = build.HERE / build.NAME
    if build.is_fresh(here):
        return here
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # one for all processes of the run
    with FileLock(folder / "native.lock"):
        return build.build(folder / "native")
