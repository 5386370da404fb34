"""What every page is handed: the model, the look, the stores, background work and notices."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.ui.look.theme import Theme

from .hand_over import HandOver
from .notices import Notices
from .session import Session
from .tasks import Tasks

if TYPE_CHECKING:
    from app.store.conversations import Conversations
    from app.store.settings import Settings

    from .downloads import DownloadList
    from .gpu_list import GpuList
    from .models.model_catalogue import Catalogue
    from .models.model_library import Library
    from .run.free_gpu import FreeGpu
    from .run.run_planning import RunPlanning
    from .shared_settings import SharedSettings
    from .states.named_state_list import NamedStateList
    from .status.readings import Readings


@dataclass(frozen=True)
class Services:
    """Built once, in main; pages take from it what they need and build nothing of it anew."""

    session: Session
    theme: Theme
    conversations: "Conversations"
    settings: "Settings"
    tasks: Tasks
    notices: Notices
    library: "Library"
    catalogue: "Catalogue"
    downloads: "DownloadList"
    gpus: "GpuList"
    planning: "RunPlanning"
    free_gpu: "FreeGpu"
    shared: "SharedSettings"
    readings: "Readings"
    named_states: "NamedStateList"
    handed: HandOver = field(default_factory=HandOver)
