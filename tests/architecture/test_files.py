"""What every file of the project keeps to, whatever it is about."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import app

ROOT = Path(__file__).resolve().parents[2]
CODE = ("app", "launcher", "bench", "training", "tests", "docs")
LONGEST = 400
LARGEST_MODEL = 8_000_000

# Written in two parts, so that this file passes its own test.
REGISTRIES = [
    f"{name}.{domain}"
    for name, domain in (
        ("pypi", "org"),
        ("files.pythonhosted", "org"),
        ("download.pytorch", "org"),
        ("registry.npmjs", "org"),
        ("anaconda", "org"),
        ("deb.debian", "org"),
        ("crates", "io"),
    )
]
TORCH_INDEX = f"https://{REGISTRIES[2]}/whl/cpu"


def _python_files() -> list[Path]:
    found = [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    return sorted([ROOT / "launch.py", *found])


def _texts() -> Iterator[tuple[str, str]]:
    """Each text file of ours, as its path below the root and its text."""
    kinds = {".py", ".md", ".toml", ".txt", ".yaml", ".qss", ".json", ".svg", ".spec", ".cpp", ""}
    own = [path for path in ROOT.iterdir() if path.is_file()]
    folders = (*CODE, "resources", ".ci")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    for path in own + found:
        if path.is_file() and path.suffix in kinds and "__pycache__" not in path.parts:
            below = path.relative_to(ROOT).as_posix()
            if not below.startswith(("resources/vocabulary/", "training/runs/")):
                yield below, path.read_text(encoding="utf-8")


def test_no_python_file_is_too_long() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in _python_files()}
    assert len(lengths) > 50
    assert {str(path): n for path, n in lengths.items() if n > LONGEST} == {}


def test_no_registry_is_named_but_the_one_of_cpu_builds() -> None:
    named = {
        (below, registry)
        for below, text in _texts()
        for registry in REGISTRIES
        if registry in text.replace(TORCH_INDEX if below == "launch.py" else "\0", "")
    }
    assert named == set()
    assert TORCH_INDEX in (ROOT / "launch.py").read_text(encoding="utf-8")


def test_no_path_of_one_machine_is_written_down() -> None:
    machine = re.compile(r"(?<![\w./~-])/(?:work|root|home)/\w|[A-Z]:\\\\?Users\\")
    allowed = "tests/"  # a test may read such a path in another program's words
    found = {below for below, text in _texts() if machine.search(text)}
    assert {below for below in found if not below.startswith(allowed)} == set()


def test_every_range_has_a_pin_that_fits() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(need for needs in optional for need in needs)]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    versions = {canonicalize_name(name): version for name, version in pins.items()}
    for need in map(Requirement, wanted):
        assert need.specifier.contains(versions[canonicalize_name(need.name)]), need


def test_the_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == app.__version__
    assert f"## [{app.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_licence_is_apache_2() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_the_embedded_model_is_there_and_small() -> None:
    model = ROOT / "resources" / "models" / "rookery-guide.safetensors"
    assert 0 < model.stat().st_size <= LARGEST_MODEL


@pytest.mark.parametrize("folder", ["light", "dark"])
def test_the_style_sheet_refers_to_pictures_that_exist(folder: str) -> None:
    sheet = (ROOT / "resources" / "theme" / "style.qss").read_text(encoding="utf-8")
    pictures = set(re.findall(r"url\(\"?[^)]*?/([\w-]+\.svg)\"?\)", sheet))
    assert pictures
    there = {path.name for path in (ROOT / "resources" / "theme" / folder).iterdir()}
    assert pictures <= there
