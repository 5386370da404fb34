"""Changes of settings as changes: what one window adds leaves what the other has added there."""

from typing import Any, NamedTuple

Json = dict[str, Any]


class Edit(NamedTuple):
    """A value as it was and as it was made, in the types of JSON."""

    before: Any
    after: Any


Edits = dict[str, Edit]


def applied(edits: Edits, stored: Json) -> Json:
    """``stored`` with the changes made."""
    changed = dict(stored)
    for name, edit in edits.items():
        changed[name] = _merged(stored.get(name, edit.before), edit)
    return changed


def _merged(found: Any, edit: Edit) -> Any:
    """The value that is there, changed as another one was."""
    if found == edit.before:
        return edit.after
    if all(isinstance(one, dict) for one in (found, *edit)):
        return _merged_entries(found, edit)
    if all(isinstance(one, list | tuple) for one in (found, *edit)):
        return _merged_items(found, edit)
    return edit.after


def _merged_entries(found: Json, edit: Edit) -> Json:
    before, after = edit
    kept = {name: value for name, value in found.items() if name in after or name not in before}
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    return kept | changed


def _merged_items(found: list[Any], edit: Edit) -> list[Any]:
    before, after = edit
    kept = [one for one in found if one in after or one not in before]
    return [*kept, *(one for one in after if one not in before and one not in kept)]
