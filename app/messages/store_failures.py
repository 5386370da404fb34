"""The sentences for what can go wrong with conversations and settings, by reason.

Each is what happened and the way out; ``failures`` fills in the facts.
"""

STORE = {
    "": ("{path@the data file} cannot be used{why+: }.", "Look at its folder{path+: }."),
    "refused": (
        "The system refuses to open or to write {path@the data file}.",
        "Check that you may write there{path+: }.",
    ),
    "folder-no-text": (
        "Nothing can be written down of this folder: its name is no text{path+: }.",
        "Rename the folder, or choose another one.",
    ),
    "unwritten": (
        "{path@the file} cannot be written{said+: }.",
        "Choose a place where you may write.",
    ),
    "damaged": (
        "{path@the data file} is damaged.",
        "A new one is begun once the old one is moved away{path+: }.",
    ),
    "put-aside": (
        "{path@the data file} is damaged, and a new one was begun.",
        "Nothing of the old one was deleted: it is kept as {kept}.",
    ),
    "saved": (
        "{path@the data file} is damaged. What could be read of it, {saved} conversations, is in "
        "a new one.",
        "Nothing of the old one was deleted: it is kept as {kept}.",
    ),
    "row": (
        "A part of this message is damaged. What can be read of it is shown.",
        "The rest of the conversation is not touched by it.",
    ),
    "none-begun": (
        "{path@the data file} is damaged, and no new one could be begun.",
        "Nothing of the old one was deleted: it is kept as {kept}.",
    ),
    "busy": (
        "{path@the data file} is being used by another program.",
        "Close the other one, then try again.",
    ),
    "gone": (
        "The conversation was deleted for good, perhaps in another window.",
        "What is still on the screen can be copied.",
    ),
}
