"""The sentences for what can go wrong with conversations and settings, by reason.

Each is what happened and the way out; ``failures`` fills in the facts.
"""

from .translate import tr_noop

STORE = {
    "": (
        tr_noop("{path@the data file} cannot be used{why+: }."),
        tr_noop("Look at its folder{path+: }."),
    ),
    "refused": (
        tr_noop("The system refuses to open or to write {path@the data file}."),
        tr_noop("Check that you may write there{path+: }."),
    ),
    "folder-no-text": (
        tr_noop("Nothing can be written down of this folder: its name is no text{path+: }."),
        tr_noop("Rename the folder, or choose another one."),
    ),
    "unwritten": (
        tr_noop("{path@the file} cannot be written{said+: }."),
        tr_noop("Choose a place where you may write."),
    ),
    "damaged": (
        tr_noop("{path@the data file} is damaged."),
        tr_noop("A new one is begun once the old one is moved away{path+: }."),
    ),
    "saved-later": (
        tr_noop("{path@the data file} is damaged in one of its places."),
        tr_noop(
            "Close Rookery and start it again: what can be read of it goes into a new file, "
            "and nothing of the old one is deleted."
        ),
    ),
    "put-aside": (
        tr_noop("{path@the data file} is damaged, and a new one was begun."),
        tr_noop("Nothing of the old one was deleted: it is kept as {kept}."),
    ),
    "saved": (
        tr_noop(
            "{path@the data file} is damaged. What could be read of it, {saved} "
            "conversations, is in a new one."
        ),
        tr_noop("Nothing of the old one was deleted: it is kept as {kept}."),
    ),
    "row": (
        tr_noop("A part of this message is damaged. What can be read of it is shown."),
        tr_noop("The rest of the conversation is not touched by it."),
    ),
    "none-begun": (
        tr_noop("{path@the data file} is damaged, and no new one could be begun."),
        tr_noop("Nothing of the old one was deleted: it is kept as {kept}."),
    ),
    "busy": (
        tr_noop("{path@the data file} is being used by another program."),
        tr_noop("Close the other one, then try again."),
    ),
    "gone": (
        tr_noop("The conversation was deleted for good, perhaps in another window."),
        tr_noop("What is still on the screen can be copied."),
    ),
}
