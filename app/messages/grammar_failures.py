"""The sentences for grammars and schemas that cannot be followed, by reason."""

from .translate import tr_noop

GRAMMAR_REFUSALS: dict[str, tuple[str, str]] = {
    "grammar-size": (
        tr_noop("The grammar has {value|too many} characters."),
        tr_noop("It may have {most|fewer}."),
    ),
    "schema-json": (
        tr_noop("The JSON schema is not written as JSON{said+: }."),
        tr_noop("Correct it, and try again."),
    ),
    "schema-keyword": (
        tr_noop(
            'The JSON schema uses "{found|a keyword}" in {place|its outermost part}, which is not '
            "supported."
        ),
        tr_noop("Take it out, or say the same with other keywords."),
    ),
    "schema-value": (
        tr_noop(
            "What the JSON schema has in {place|its outermost part} means nothing there{found+: }."
        ),
        tr_noop("Correct it, and try again."),
    ),
    "schema-deep": (
        tr_noop("The JSON schema has more than {most|so many} schemas within each other."),
        tr_noop("Make it flatter, with $ref for instance."),
    ),
    "schema-large": (
        tr_noop(
            "The JSON schema has more than {most|so many} parts (or optional properties) in "
            "{place|it}."
        ),
        tr_noop("Make some of them required, or the schema smaller."),
    ),
    "schema-refused": (
        tr_noop("The JSON schema cannot be followed in {place|its outermost part}{said+: }."),
        tr_noop("Change that part, and try again."),
    ),
    "regex-refused": (
        tr_noop("The regular expression cannot be followed{said+: }."),
        tr_noop("It is written as in Rust: no look-around, no back-references."),
    ),
    "grammar-refused": (
        tr_noop("The grammar cannot be followed{said+: }."),
        tr_noop("It is written as for Lark, with a rule called start."),
    ),
    "lark-option": (
        tr_noop('The grammar uses "{found|an option}" in a rule, which is not supported.'),
        tr_noop("Take it out; limits and the temperature are options of their own."),
    ),
    "grammar-begun": (
        tr_noop("The reply so far does not fit the grammar that it is to go on with."),
        tr_noop("Begin a new reply, or go on without the grammar."),
    ),
    "grammar-complex": (
        tr_noop("To find out what the grammar lets come next takes too long."),
        tr_noop("Make it simpler, with fewer alternatives that begin alike."),
    ),
}
