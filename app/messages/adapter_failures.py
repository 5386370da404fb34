"""The sentences for adapters that cannot be merged into a model, by reason."""

from .translate import tr_noop

ADAPTER_REFUSALS: dict[str, tuple[str, str]] = {
    "adapter-alpha": (
        tr_noop("{path@The adapter} does not tell its alpha{rank+; its rank is }."),
        tr_noop("Give it with --alpha; mostly it is once or twice the rank."),
    ),
    "adapter-no-alpha": (
        tr_noop("{path@The adapter} has no alpha: it is merged as it stands."),
        tr_noop("Leave --alpha out."),
    ),
    "adapter-none": (
        tr_noop("{path@The file} holds no adapter of an RWKV model."),
        tr_noop("Choose a LoRA, PiSSA, MiSS, DiSHA or Bone, or the folder of one."),
    ),
    "adapter-model": (
        tr_noop("{path@The file} is a whole model and no adapter."),
        tr_noop("Open it as the model."),
    ),
    "adapter-kind": (
        tr_noop("{path@The adapter} is of a kind that is not merged{found+: }."),
        tr_noop("Merge it into the model with the program that trained it."),
    ),
    "adapter-described": (
        tr_noop("{path@The description of the adapter} cannot be read."),
        tr_noop("Fetch the adapter again."),
    ),
    "adapter-half": (
        tr_noop("{path@The adapter} has only a part of what changes {name|a tensor}."),
        tr_noop("Fetch it again, and with PiSSA its init_pissa.pth as well."),
    ),
    "adapter-part": (
        tr_noop("{path@The adapter} is of another model: this one has no {name|such tensor}."),
        tr_noop("Open the model that it was trained for."),
    ),
    "adapter-unfit": (
        tr_noop(
            "{path@The adapter} is of another model: {name|a tensor} is {wanted|of another size} "
            "here, and the adapter has {found|other sizes}."
        ),
        tr_noop("Open the model that it was trained for."),
    ),
    "adapter-base": (
        tr_noop("{path@The adapter} was trained for another file than this model's."),
        tr_noop("Open the very file that it was trained for."),
    ),
    "adapter-packed": (
        tr_noop("Nothing can be merged into a packed copy, and the model is one."),
        tr_noop("Open its original with the adapter, in 8 or 4 bits as well if you like."),
    ),
}
