"""The sentences for batches and comparisons that cannot be run as asked, by reason.

Each is what happened and the way out; ``failures`` fills in the facts.
"""

from .translate import tr_noop

_MEND = tr_noop("Mend it, and run the batch into a new file.")

BATCH: dict[str, tuple[str, str]] = {
    "rows-unread": (
        tr_noop(
            "{path@the file} cannot be taken apart into rows at line {line|of its end}{said+: }."
        ),
        tr_noop("Look at the quotes there: each one that opens a field must close it."),
    ),
    "rows-changed": (
        tr_noop("{path@the file} was changed while its rows were run."),
        tr_noop("Put it back as it was to go on, or run it into a new file."),
    ),
    "rows-none": (
        tr_noop("{path@the file} has no rows."),
        tr_noop("Give a file with one row at least."),
    ),
    "row-fields": (
        tr_noop(
            "This row has no prompt: it has {found|too many} fields, and the header has "
            "{wanted|fewer}."
        ),
        _MEND,
    ),
    "row-no-json": (tr_noop("This row has no prompt: it is no JSON."), _MEND),
    "row-no-object": (tr_noop("This row has no prompt: it is no JSON object."), _MEND),
    "row-empty": (
        tr_noop('This row has no prompt: it has nothing in the column "{name|text}".'),
        _MEND,
    ),
    "column-unknown": (
        tr_noop('There is no column "{name|this}".'),
        tr_noop("The columns are: {wanted|none}."),
    ),
    "column-unclear": (
        tr_noop("It is not clear which of the columns is the text."),
        tr_noop("Say it with --column; the columns are: {wanted|none}."),
    ),
    "column-twice": (
        tr_noop('Two columns are called "{name|this}".'),
        tr_noop("Give one of them another name in the file."),
    ),
    "output-exists": (
        tr_noop("{path@the output} is there already."),
        tr_noop("Go on with it by --resume, or choose another name."),
    ),
    "output-there": (
        tr_noop("{path@the output} is there already."),
        tr_noop("Choose another name, or go on with it if it is of this batch."),
    ),
    "batch-model": (
        tr_noop("This batch was begun with {wanted|another model}, and {found|this one} is open."),
        tr_noop("Open that model: the batch goes on by itself then."),
    ),
    "batch-way": (
        tr_noop(
            'This batch was begun with the model as "{wanted|another}", and it runs as '
            '"{found|this}" now.'
        ),
        tr_noop("Open the model as it ran then: the batch goes on by itself."),
    ),
    "output-busy": (
        tr_noop("{path@the output} is being written by another batch."),
        tr_noop("Wait for that one, or choose another name."),
    ),
    "output-other": (
        tr_noop("{path@the output} does not hold the lines of this batch."),
        tr_noop("Choose another name; nothing in it was changed."),
    ),
    "job-missing": (
        tr_noop(
            "How {path@the output} was begun is not known: {wanted|its file} is missing or damaged."
        ),
        tr_noop("Choose another name; nothing in it was changed."),
    ),
    "job-differs": (
        tr_noop(
            "{path@the output} was begun with other settings. What differs: {found|something}."
        ),
        tr_noop("Go on with the settings of then, or choose another output."),
    ),
    "compare-two": (
        tr_noop("There is nothing to compare."),
        tr_noop("Give --model twice, or --strategy twice, and neither more often."),
    ),
    "compare-vocabulary": (
        tr_noop("The two models have different vocabularies: {found|one} and {wanted|another}."),
        tr_noop("Choose two models with the same vocabulary."),
    ),
    "compare-sizes": (
        tr_noop(
            "The two models have different vocabularies: {found|some} tokens and {wanted|others}."
        ),
        tr_noop("Choose two models with the same vocabulary."),
    ),
    "compare-files": (
        tr_noop(
            "The two models have different vocabularies: both are {found|alike}, from different "
            "files."
        ),
        tr_noop("Choose two models with the same vocabulary."),
    ),
    "compare-short": (
        tr_noop("There is no token to compare at."),
        tr_noop("Give a text with at least one token."),
    ),
}
