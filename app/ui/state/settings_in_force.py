"""Settings that another window has changed are put in force here."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.store.settings import Values
    from app.ui.state.services import Services

_SOURCE = ("hub_source", "hub_mirror", "hub_proxy")

_PACE = ("downloads_at_once", "download_limit", "download_connections")

_FOLDERS = ("folders", "files", "download_folder")


def put_in_force(services: "Services", before: "Values", now: "Values") -> None:
    """Let everything that lives as long as the window go by what was chosen elsewhere."""

    def differs(*names: str) -> bool:
        return any(getattr(before, name) != getattr(now, name) for name in names)

    if differs("theme"):
        services.theme.choose(now.theme)
    if differs("text_scale"):
        services.theme.resize(now.text_scale)
    if differs(*_SOURCE):
        services.catalogue.switch_hub()
        services.downloads.switch_hub()
    if differs(*_PACE):
        services.downloads.apply_limits()
    if differs(*_FOLDERS):
        services.library.folders_changed.emit()
        services.library.refresh()
