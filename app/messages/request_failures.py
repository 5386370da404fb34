"""The sentences for requests that are refused, by reason: what happened, and the way out."""

from .adapter_failures import ADAPTER_REFUSALS
from .grammar_failures import GRAMMAR_REFUSALS
from .state_failures import STATE_REFUSALS
from .translate import tr_noop

REQUEST: dict[str, tuple[str, str]] = {
    "": (tr_noop("This cannot be done{why+: }."), tr_noop("Change it and try again.")),
    "text-not-utf8": (
        tr_noop("{path@the file} is not UTF-8 text."),
        tr_noop("Save it as UTF-8, and try again."),
    ),
    "stdin-not-utf8": (
        tr_noop("What came through stdin is not UTF-8 text."),
        tr_noop("Send it as UTF-8."),
    ),
    "no-turns": (tr_noop("There is nothing to answer yet."), tr_noop("Write a message first.")),
    "unknown-template": (
        tr_noop('This model has no chat template "{template|of its own}".'),
        tr_noop("Choose one of those that the model has, or complete a plain text."),
    ),
    "sampling": (
        tr_noop("The value {value|given} means nothing for {name|this}."),
        tr_noop("It must be {least|one} to {most|another}."),
    ),
    "sampling-least": (
        tr_noop("The value {value|given} means nothing for {name|this}."),
        tr_noop("It must be {least|0} or more."),
    ),
    "several-tokens": (
        tr_noop('"{word|This}" is not one token of this model but {tokens|several}.'),
        tr_noop("Write words that are one token, or the numbers of tokens, as #123."),
    ),
    "all-banned": (
        tr_noop("Every token is banned, so none can be chosen."),
        tr_noop("Take some of the bans away."),
    ),
    "embedding-task": (
        tr_noop('This model has no head for the task "{value|of this name}".'),
        tr_noop("Those that it has are: {wanted|none}."),
    ),
    "empty-stop": (
        tr_noop("A stop text is empty, which would stop everything at once."),
        tr_noop("Write something into it, or remove it."),
    ),
    "unknown-word": (
        tr_noop('This model\'s vocabulary cannot write "{word|this}".'),
        tr_noop("Use the notation that it was trained on."),
    ),
    "machine": (
        tr_noop(
            'No machine is called "{value|this}", and no file of that name describes one{said+: }.'
        ),
        tr_noop("Machines that are known: {wanted|none}."),
    ),
    "model-open": (
        tr_noop("A model is open already."),
        tr_noop("Close it before opening another one."),
    ),
    "limit": (
        tr_noop("{value|That} is no number of tokens."),
        tr_noop("Ask for 0 tokens or more."),
    ),
    **STATE_REFUSALS,
    **GRAMMAR_REFUSALS,
    **ADAPTER_REFUSALS,
    "stdin-twice": (
        tr_noop("Two options read from stdin."),
        tr_noop("Give one of them a file."),
    ),
    "no-token": (tr_noop("There is no token to run."), tr_noop("Give it a text or token ids.")),
    "bench-too-much": (
        tr_noop("It is more than {texts|so many} texts and {tokens|so many} tokens of prompts."),
        tr_noop("Ask for less."),
    ),
    "too-long": (
        tr_noop("It is longer than {limit_bytes|so many} bytes."),
        tr_noop("Make it shorter."),
    ),
    "pack-embedding": (
        tr_noop("A packed copy has no room for the heads of an embedding model."),
        tr_noop("Use the model as it is, with the strategy cpu int8 if memory is short."),
    ),
    "pack-format": (
        tr_noop("Only int8 and int4 are packed{value+, not }."),
        tr_noop("Choose one of these, for example cpu int8."),
    ),
    "packed-already": (
        tr_noop("The model is a packed copy already."),
        tr_noop("Use it as it is, or pack its original."),
    ),
    "pack-onto-itself": (
        tr_noop("A copy cannot take the place of its own model."),
        tr_noop("Choose another name or folder for it."),
    ),
    "token": (
        tr_noop("Token {value|given} is not among the {vocabulary|tokens} of this model."),
        tr_noop("Use ids from 0 on that are smaller."),
    ),
}
