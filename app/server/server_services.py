"""What all addresses of one server share."""

from dataclasses import dataclass, field

from .http.request_record import RequestRecords
from .model_host import ModelHost
from .replies.reply_memory import ReplyMemory
from .server_metrics import ServerMetrics


@dataclass(frozen=True)
class Services:
    """The host of the model, the replies that are remembered, and what is known of requests."""

    host: ModelHost
    records: RequestRecords = field(default_factory=RequestRecords)
    memory: ReplyMemory = field(default_factory=ReplyMemory)
    metrics: ServerMetrics = field(default_factory=ServerMetrics)

    def __post_init__(self) -> None:
        self.records.listen(self.metrics.note)
