"""Where the program keeps its files on this system; creates nothing."""

from dataclasses import dataclass
from pathlib import Path

import platformdirs

_NAME = "rookery"


@dataclass(frozen=True)
class Paths:
    """The folders of one installation; each is made by whoever first writes into it."""

    data: Path
    config: Path
    cache: Path

    @property
    def database(self) -> Path:
        """The conversations."""
        return self.data / "conversations.sqlite3"

    @property
    def settings(self) -> Path:
        """What the person has chosen."""
        return self.config / "settings.json"

    @property
    def models(self) -> Path:
        """Where downloaded models go unless another folder is chosen."""
        return self.data / "models"

    @property
    def downloads(self) -> Path:
        """The downloads that are not finished: they go on at the next start."""
        return self.data / "downloads.json"

    @property
    def verified(self) -> Path:
        """Which files were read to their end, with their hashes."""
        return self.data / "verified.json"

    @property
    def logs(self) -> Path:
        """The log of all processes, and what those that crashed have left."""
        return self.data / "logs"

    @property
    def states(self) -> Path:
        """What models remember of the texts that they have read."""
        return self.data / "states"

    @property
    def named_states(self) -> Path:
        """The states that a person has named and keeps."""
        return self.data / "named-states"

    @property
    def rates(self) -> Path:
        """How fast machines were measured to read memory and multiply."""
        return self.data / "machines.json"

    @property
    def disks(self) -> Path:
        """How fast disks were measured to give files."""
        return self.data / "disks.json"

    @property
    def shortages(self) -> Path:
        """In which ways of running memory ran out on machines."""
        return self.data / "shortages.json"

    @property
    def benchmarks(self) -> Path:
        """How fast models were measured to run, on which machine."""
        return self.data / "benchmarks.json"

    @property
    def hub_cache(self) -> Path:
        """What hubs answered, with its age."""
        return self.cache / "hub"


def standard_paths(home: str = "") -> Paths:
    """The system's own folders; with ``home`` (``ROOKERY_HOME``) everything lies below it."""
    if home:
        root = Path(home).expanduser().absolute()
        return Paths(data=root / "data", config=root / "config", cache=root / "cache")
    return Paths(
        data=platformdirs.user_data_path(_NAME, appauthor=False, roaming=False),
        config=platformdirs.user_config_path(_NAME, appauthor=False, roaming=False),
        cache=platformdirs.user_cache_path(_NAME, appauthor=False),
    )
