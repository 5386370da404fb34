"""Which naming a file follows, and how its tensors become the official ones; one module a family.

Dialects are told apart by tensor names and shapes alone, never by the name of the file.
"""

from .choosing import DIALECTS, Dialect, translate

__all__ = ["DIALECTS", "Dialect", "translate"]
