"""The sentences for batches and comparisons that cannot be run as asked, by reason.

Each is what happened and the way out; ``failures`` fills in the facts.
"""

BATCH = {
    "rows-unread": (
        "{path@the file} cannot be taken apart into rows at line {line}{said+: }.",
        "Look at the quotes there: each one that opens a field must close it.",
    ),
    "rows-none": ("{path@the file} has no rows.", "Give a file with one row at least."),
    "row": ("This row has no prompt{said+: }.", "Mend it, and run the batch into a new file."),
    "column-unknown": (
        'There is no column "{name}".',
        "The columns are: {wanted|none}.",
    ),
    "column-unclear": (
        "It is not clear which of the columns is the text.",
        "Say it with --column; the columns are: {wanted|none}.",
    ),
    "column-twice": (
        'Two columns are called "{name}".',
        "Give one of them another name in the file.",
    ),
    "output-exists": (
        "{path@the output} is there already.",
        "Go on with it by --resume, or choose another name.",
    ),
    "output-busy": (
        "{path@the output} is being written by another batch.",
        "Wait for that one, or choose another name.",
    ),
    "output-other": (
        "{path@the output} does not hold the lines of this batch.",
        "Choose another name; nothing in it was changed.",
    ),
    "job-missing": (
        "How {path@the output} was begun is not known: {wanted} is missing or damaged.",
        "Choose another name; nothing in it was changed.",
    ),
    "job-differs": (
        "{path@the output} was begun with other settings. What differs: {found|something}.",
        "Go on with the settings of then, or choose another output.",
    ),
    "compare-two": (
        "There is nothing to compare.",
        "Give --model twice, or --strategy twice, and neither more often.",
    ),
    "compare-vocabulary": (
        "The two models have different vocabularies: {found|one} and {wanted|another}.",
        "Choose two models with the same vocabulary.",
    ),
    "compare-short": (
        "There is no token to compare at.",
        "Give a text with at least one token.",
    ),
}
