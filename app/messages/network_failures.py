"""The rows of ``failures`` about hubs, downloads and the library: title, text, way out."""

NETWORK: dict[str, tuple[str, str, str]] = {
    "hub": (
        "The model hub cannot serve",
        "{host|The model hub} cannot serve this{why+: }.",
        "Try again later, or choose another source in the settings.",
    ),
    "hub-unreachable": (
        "The model hub cannot be reached",
        "There is no connection to {host|the model hub}{why+: }{said+: }.",
        "Check the network and the proxy, or choose another source in the settings. What is on "
        "this disk works without it.",
    ),
    "network-setting": (
        "A network setting cannot be used",
        "The setting {variable|of the proxy} is {given|empty}{why+, and }.",
        "Put it right or remove it. What is on this disk, and the list that came with Rookery, "
        "work without it.",
    ),
    "clock-wrong": (
        "The clock of this computer is wrong",
        "The clock here says {here|another time}{there+, the one of the hub }, so the certificate "
        "of {host|the hub} cannot be checked.",
        "Set date and time of this computer right, then try again.",
    ),
    "hub-refused": (
        "The hub does not let you in",
        "{host|The hub} refuses access{repo+ to }{why+: }{said+. It says: }.",
        "Accept the model's terms on its page, or set a token that may read it in the settings.",
    ),
    "hub-missing": (
        "Not found on the hub",
        "There is no {file|such file}{repo+ in }{host+ on }{why+: }{said+. It says: }.",
        "It may have been renamed or be private: look again (F5), or set a token in the settings.",
    ),
    "hub-withdrawn": (
        "This file was withdrawn",
        "{file@the file} is no longer in {repo|its repository}{host+ on }{tried+, nor at }.",
        "Take the newest of its size: the Models page offers it.",
    ),
    "hub-busy": (
        "The hub asks for a pause",
        "{host|The hub} was asked too often{wait_s+; seconds to wait: }{said+. It says: }.",
        "Wait a little and try again; with a token in the settings more is allowed.",
    ),
    "keyring-missing": (
        "The token cannot be kept",
        "This system has no keyring that could keep a token, or it is locked.",
        "Unlock it or set one up; until then, set HF_TOKEN in the environment.",
    ),
    "keyring-locked": (
        "The password is still kept",
        "The system's keyring is locked, or it does not let the proxy's password be changed.",
        "Unlock it, then change the proxy again.",
    ),
    "hub-garbled": (
        "The hub's answer makes no sense",
        "{host|The hub} answered something that cannot be used{why+: }{said+. It says: }.",
        "Try again later, or choose another source in the settings.",
    ),
    "page-instead": (
        "Something else came instead of the file",
        "{host|The source} sent {found|a page} instead of {file@the file}, so nothing was kept.",
        "If your network has a page to sign in, do that in a web browser and try again; otherwise "
        "check the address of the source in the settings, or choose another one.",
    ),
    "download": (
        "The download did not work",
        "{file@the file} cannot be downloaded{why+: }{said+: }.",
        "Try again later, or choose another source in the settings.",
    ),
    "wrong-hash": (
        "The file is not what was promised",
        "The bytes of {file@the file} are not those that were promised, so they are not used.",
        "Download it again; if that does not help, choose another source in the settings.",
    ),
    "changed-on-hub": (
        "The file has changed on the hub",
        "{file@the file} is another one on the hub now than in the list.",
        "Look again (F5) on the Models page, then download it anew.",
    ),
    "already-there": (
        "Something else has its place",
        "There is another file or folder at {path|its place} already; it was left alone.",
        "Move it away or rename it, or choose another folder.",
    ),
    "unsafe-name": (
        "This name is refused",
        "The name {file|of the file} leads outside the folder, or is none that a file can have.",
        "Choose another repository: this one is not to be trusted.",
    ),
    "download-busy": (
        "It is being downloaded already",
        "Another window or program is downloading {path@the file}.",
        "Wait until it is done, or end it there.",
    ),
    "vocabulary-missing": (
        "The vocabulary has not come",
        "The model is here and whole, but {file|its vocabulary}, with which it reads and writes "
        "words, could not be brought{why+: }{said+: }.",
        "Try the download again: only what is missing is fetched. Until then the model works with "
        "token ids alone.",
    ),
    "queue-elsewhere": (
        "Another window has the downloads",
        "Another window of Rookery began them, and downloads are led from one window at a time.",
        "Do it there, or close that window and try again here.",
    ),
    "library": (
        "This cannot be done here",
        "{path@the file} is left as it is{why+: }.",
        "Change it where it is kept, or make a copy of it.",
    ),
    "name-refused": (
        "This name cannot be used",
        "No file can be called {name|that} on every system.",
        "Leave out slashes, colons and other marks, a dot in front, and names such as CON.",
    ),
    "no-trash": (
        "There is no trash here",
        "The disk of {path@the file} has no trash that could be used{said+: }.",
        "Delete it for good, or leave it where it is.",
    ),
}
