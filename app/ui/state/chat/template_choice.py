"""Which prompt template a model is used with where a conversation says nothing of its own.

The person's choice is kept in the settings by the model's fingerprint, so that it survives another
name or place of the file; a model without one is known by its path.
"""

from app.runtime.protocol.messages import Loaded
from app.store.settings import Settings


def chosen_template(settings: Settings, loaded: Loaded) -> str:
    """What the person has chosen for a model; "" where that is as the model says."""
    kept = settings.now.templates.get(_key(loaded), "")
    return kept if kept in loaded.templates else ""


def usual_template(settings: Settings, loaded: Loaded) -> str:
    """What a model is used with: as the person or else as the model says; "" if it has none."""
    own = loaded.templates[0] if loaded.templates else ""
    return chosen_template(settings, loaded) or own


def keep_template(settings: Settings, loaded: Loaded, template: str) -> None:
    """Use a model with ``template`` from now on; "" is as the model says."""
    kept = {key: name for key, name in settings.now.templates.items() if key != _key(loaded)}
    if template:
        kept[_key(loaded)] = template
    settings.change(templates=kept)


def _key(loaded: Loaded) -> str:
    return loaded.fingerprint or loaded.path
