"""The sentences for too little memory and disk, by how many sizes are known: none, needed, free."""

from .translate import tr_noop

IN_MEMORY = (
    tr_noop("There is not enough memory for this."),
    tr_noop("There is not enough memory for this: {needed} would be needed."),
    tr_noop("There is not enough memory for this: {needed} would be needed, {free} are free."),
)
ON_GPU = (
    tr_noop("There is not enough memory on the card for this."),
    tr_noop("There is not enough memory on the card for this: {needed} would be needed."),
    tr_noop(
        "There is not enough memory on the card for this: {needed} would be needed, {free} are "
        "free."
    ),
)
ON_DISK = (
    tr_noop("There is not enough room for this download. What is there is kept."),
    tr_noop(
        "There is not enough room for this download: {needed} more are needed. What is there is "
        "kept."
    ),
    tr_noop(
        "There is not enough room for this download: {needed} more are needed, {free} are free. "
        "What is there is kept."
    ),
)
