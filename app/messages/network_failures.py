"""The rows of ``failures`` about hubs, downloads and the library: title, text, way out."""

from .translate import tr_noop

NETWORK: dict[str, tuple[str, str, str]] = {
    "hub": (
        tr_noop("The model hub cannot serve"),
        tr_noop("{host|The model hub} cannot serve this{why+: }."),
        tr_noop("Try again later, or choose another source in the settings."),
    ),
    "hub-unreachable": (
        tr_noop("The model hub cannot be reached"),
        tr_noop("There is no connection to {host|the model hub}{why+: }{said+: }."),
        tr_noop(
            "Check the network and the proxy, or choose another source in the settings. What is on "
            "this disk works without it."
        ),
    ),
    "network-setting": (
        tr_noop("A network setting cannot be used"),
        tr_noop("The setting {variable|of the proxy} is {given|empty}{why+, and }."),
        tr_noop(
            "Put it right or remove it. What is on this disk, and the list that came with Rookery, "
            "work without it."
        ),
    ),
    "clock-wrong": (
        tr_noop("The clock of this computer is wrong"),
        tr_noop(
            "The clock here says {here|another time}{there+, the one of the hub }, so "
            "the certificate of {host|the hub} cannot be checked."
        ),
        tr_noop("Set date and time of this computer right, then try again."),
    ),
    "hub-refused": (
        tr_noop("The hub does not let you in"),
        tr_noop("{host|The hub} refuses access{repo+ to }{why+: }{said+. It says: }."),
        tr_noop(
            "Accept the model's terms on its page, or set a token that may read it in the settings."
        ),
    ),
    "hub-missing": (
        tr_noop("Not found on the hub"),
        tr_noop("There is no {file|such file}{repo+ in }{host+ on }{why+: }{said+. It says: }."),
        tr_noop(
            "It may have been renamed or be private: look again (F5), or set a token "
            "in the settings."
        ),
    ),
    "hub-withdrawn": (
        tr_noop("This file was withdrawn"),
        tr_noop(
            "{file@the file} is no longer in {repo|its repository}{host+ on }{tried+, nor at }."
        ),
        tr_noop("Take the newest of its size: the Models page offers it."),
    ),
    "hub-busy": (
        tr_noop("The hub asks for a pause"),
        tr_noop(
            "{host|The hub} was asked too often{wait_s+; seconds to wait: }{said+. It says: }."
        ),
        tr_noop("Wait a little and try again; with a token in the settings more is allowed."),
    ),
    "keyring-missing": (
        tr_noop("The token cannot be kept"),
        tr_noop("This system has no keyring that could keep a token, or it is locked."),
        tr_noop("Unlock it or set one up; until then, set HF_TOKEN in the environment."),
    ),
    "keyring-locked": (
        tr_noop("The password is still kept"),
        tr_noop(
            "The system's keyring is locked, or it does not let the proxy's password be changed."
        ),
        tr_noop("Unlock it, then change the proxy again."),
    ),
    "hub-garbled": (
        tr_noop("The hub's answer makes no sense"),
        tr_noop("{host|The hub} answered something that cannot be used{why+: }{said+. It says: }."),
        tr_noop("Try again later, or choose another source in the settings."),
    ),
    "page-instead": (
        tr_noop("Something else came instead of the file"),
        tr_noop(
            "{host|The source} sent {found|a page} instead of {file@the file}, so nothing was kept."
        ),
        tr_noop(
            "If your network has a page to sign in, do that in a web browser and try "
            "again; otherwise check the address of the source in the settings, or "
            "choose another one."
        ),
    ),
    "download": (
        tr_noop("The download did not work"),
        tr_noop("{file@the file} cannot be downloaded{why+: }{said+: }."),
        tr_noop("Try again later, or choose another source in the settings."),
    ),
    "wrong-hash": (
        tr_noop("The file is not what was promised"),
        tr_noop(
            "The bytes of {file@the file} are not those that were promised, so they are not used."
        ),
        tr_noop("Download it again; if that does not help, choose another source in the settings."),
    ),
    "changed-on-hub": (
        tr_noop("The file has changed on the hub"),
        tr_noop("{file@the file} is another one on the hub now than in the list."),
        tr_noop("Look again (F5) on the Models page, then download it anew."),
    ),
    "already-there": (
        tr_noop("Something else has its place"),
        tr_noop("There is another file or folder at {path|its place} already; it was left alone."),
        tr_noop("Move it away or rename it, or choose another folder."),
    ),
    "unsafe-name": (
        tr_noop("This name is refused"),
        tr_noop(
            "The name {file|of the file} leads outside the folder, or is none that a file can have."
        ),
        tr_noop("Choose another repository: this one is not to be trusted."),
    ),
    "download-busy": (
        tr_noop("It is being downloaded already"),
        tr_noop("Another window or program is downloading {path@the file}."),
        tr_noop("Wait until it is done, or end it there."),
    ),
    "vocabulary-missing": (
        tr_noop("The vocabulary has not come"),
        tr_noop(
            "The model is here and whole, but {file|its vocabulary}, with which it "
            "reads and writes words, could not be brought{why+: }{said+: }."
        ),
        tr_noop(
            "Try the download again: only what is missing is fetched. Until then the "
            "model works with token ids alone."
        ),
    ),
    "queue-elsewhere": (
        tr_noop("Another window has the downloads"),
        tr_noop(
            "Another window of Rookery began them, and downloads are led from one window at a time."
        ),
        tr_noop("Do it there, or close that window and try again here."),
    ),
    "library": (
        tr_noop("This cannot be done here"),
        tr_noop("{path@the file} is left as it is{why+: }."),
        tr_noop("Change it where it is kept, or make a copy of it."),
    ),
    "name-refused": (
        tr_noop("This name cannot be used"),
        tr_noop("No file can be called {name|that} on every system."),
        tr_noop(
            "Leave out slashes, colons and other marks, a dot in front, and names such as CON."
        ),
    ),
    "no-trash": (
        tr_noop("There is no trash here"),
        tr_noop("The disk of {path@the file} has no trash that could be used{said+: }."),
        tr_noop("Delete it for good, or leave it where it is."),
    ),
}
