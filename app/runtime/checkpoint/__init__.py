"""Model files of all formats and dialects, as official names and tensors; knows no engine.

Headers are read without torch or numpy; both are imported when the first tensor is read.
"""

from .checkpoint import Checkpoint, open_checkpoint
from .identify import identify
from .stored import TensorInfo

__all__ = ["Checkpoint", "TensorInfo", "identify", "open_checkpoint"]
