"""The sentences for what the local server refuses, by reason: what happened, and the way out."""

from app.messages.translate import tr_noop

SERVER: dict[str, tuple[str, str]] = {
    "": (tr_noop("The server does not take this{why+: }."), tr_noop("Change it and try again.")),
    "address-unusable": (
        tr_noop("The server cannot listen at {name|this address}{said+: }."),
        tr_noop("Choose an address of this computer, such as 127.0.0.1."),
    ),
    "body-broken": (
        tr_noop("The body is not JSON that can be read{said+: }."),
        tr_noop("Send one JSON object in UTF-8."),
    ),
    "body-large": (
        tr_noop("The body is larger than {limit_bytes|so many} bytes."),
        tr_noop("Send less at once."),
    ),
    "body-slow": (
        tr_noop("The body did not come within {limit_s|so many} seconds."),
        tr_noop("Send it again, all at once."),
    ),
    "calls-refused": (
        tr_noop("The fields functions and function_call are from before tools."),
        tr_noop("Use tools and tool_choice instead."),
    ),
    "field": (
        tr_noop("The field {name|of this request} is not what it must be{said+: }."),
        tr_noop("Mend it, or leave it out if it is not needed."),
    ),
    "field-clash": (
        tr_noop("The fields {name|of this request} and {value|another} do not go together."),
        tr_noop("Leave one of them out."),
    ),
    "field-unknown": (
        tr_noop("This server does not do what the field {name|of this request} asks for."),
        tr_noop("Leave it out."),
    ),
    "field-value": (
        tr_noop("The field {name|of this request} cannot be {value|what it is} here."),
        tr_noop("What it can be: {wanted|something else}."),
    ),
    "host": (
        tr_noop("The server is not called {name|by this name}, so a web page may have asked."),
        tr_noop("Use localhost or the address at which it listens."),
    ),
    "key": (
        tr_noop("The key is missing or wrong."),
        tr_noop("Send it in the header Authorization, as Bearer and the key."),
    ),
    "key-empty": (
        tr_noop("There is no key in {path@the file}."),
        tr_noop("Write one into it, or leave --api-key-file out."),
    ),
    "key-needed": (
        tr_noop("At {name|this address} other computers can use the server, so it needs a key."),
        tr_noop("Give it one with --api-key-file or --api-key, or leave --host out."),
    ),
    "loading": (
        tr_noop("A model is being loaded."),
        tr_noop("Ask again in {wait_s|a few} seconds."),
    ),
    "method": (
        tr_noop("Nothing at {name|this address} takes {value|this method}."),
        tr_noop("Use the method that belongs to it, mostly POST."),
    ),
    "no-address": (
        tr_noop("There is nothing at {name|this address}."),
        tr_noop("The documentation of the server lists what there is, such as /v1/models."),
    ),
    "not-here": (
        tr_noop(
            "{name|This} would change the models on this computer, which the server never does."
        ),
        tr_noop("Use the window or the command line for that."),
    ),
    "not-json": (
        tr_noop("The body is called {value|something else} and not application/json."),
        tr_noop("Send the header Content-Type: application/json."),
    ),
    "picture": (
        tr_noop("A message has a part of the type {value|picture}, and the model reads only text."),
        tr_noop("Send text."),
    ),
    "port-taken": (
        tr_noop("Another program listens at {name|this address} already."),
        tr_noop("End it, or choose another port with --port."),
    ),
    "prompt-long": (
        tr_noop("The prompt has more than {limit|so many} characters."),
        tr_noop("Make it shorter."),
    ),
    "queue-full": (
        tr_noop("Too many requests are waiting already."),
        tr_noop("Ask again in {wait_s|a few} seconds."),
    ),
    "state-unknown": (
        tr_noop('The server offers no state "{name|of this name}".'),
        tr_noop("Those that it offers are: {wanted|none}."),
    ),
    "stopping": (
        tr_noop("The server is being ended, so the reply was cut."),
        tr_noop("Ask again when it runs."),
    ),
    "tool-unknown": (
        tr_noop('tool_choice asks for "{name|a tool}", which is not among the tools.'),
        tr_noop("Name one of them, or use auto."),
    ),
    "unknown-model": (
        tr_noop('The server offers no model "{name|of this name}".'),
        tr_noop("GET /v1/models lists those that it offers."),
    ),
}
