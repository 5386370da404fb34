"""The versions of one document: who came from whom; stores nothing."""

from collections.abc import Iterable, Iterator

from app.store.documents.document_records import Version


class VersionTree:
    """Versions by id, in the order in which they were made."""

    def __init__(self, versions: Iterable[Version] = ()) -> None:
        self._versions: dict[str, Version] = {}
        self._children: dict[str | None, list[str]] = {}
        for version in versions:
            self.put(version)

    def put(self, version: Version) -> None:
        """Take a version, new or changed."""
        if version.id not in self._versions:
            self._children.setdefault(version.parent, []).append(version.id)
        self._versions[version.id] = version

    def drop(self, ident: str) -> None:
        """Forget a version from which none came."""
        version = self._versions.pop(ident, None)
        if version is not None:
            self._children[version.parent].remove(ident)

    def __iter__(self) -> Iterator[Version]:
        return iter(list(self._versions.values()))

    def __getitem__(self, ident: str) -> Version:
        return self._versions[ident]

    def __contains__(self, ident: object) -> bool:
        return ident in self._versions

    def __len__(self) -> int:
        return len(self._versions)

    @property
    def newest(self) -> str | None:
        """The one that was made last."""
        return next(reversed(self._versions), None)

    @property
    def roots(self) -> list[str]:
        """Those that came from none, or from one that is not there."""
        return [one.id for one in self._versions.values() if one.parent not in self._versions]

    def children(self, ident: str | None) -> list[str]:
        """Those that came from a version, the oldest first."""
        return list(self._children.get(ident, ()))

    def parent(self, ident: str) -> str | None:
        """The one that it came from, if that is there."""
        above = self._versions[ident].parent
        return above if above in self._versions else None

    def path(self, ident: str) -> list[str]:
        """From the first version to this one."""
        found: list[str] = []
        at: str | None = ident
        while at is not None and at in self._versions and at not in found:
            found.append(at)
            at = self._versions[at].parent
        return found[::-1]

    def last_written(self, ident: str) -> Version | None:
        """The last version on the way to this one that a model has written."""
        for one in reversed(self.path(ident)):
            if self._versions[one].kind == "written":
                return self._versions[one]
        return None

    def siblings(self, ident: str) -> list[str]:
        """Itself and those that came from the same version."""
        return self.children(self._versions[ident].parent)
