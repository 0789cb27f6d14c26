"""Two families of failure: the data's fault or the world's fault; and a third, the operator's.

Promises  Every message says where, what was wanted and what came.
"""

from catalog.errors import ConfigError
from catalog.reasons import Reason

__all__ = ["ConfigError", "Inconsistent", "Rejected", "Unavailable"]


class Rejected(Exception):
    """The message is at fault: dead-letter it, do not retry."""

    def __init__(self, reason: Reason, where: str, wanted: str, got: object) -> None:
        shown = repr(got)
        if len(shown) > 200:
            shown = shown[:197] + "..."
        super().__init__(f"{where}: wanted {wanted}, got {shown} [{reason.value}]")
        self.reason = reason


class Unavailable(Exception):
    """The world is at fault: retry, lose nothing."""

    def __init__(self, where: str, wanted: str, got: object) -> None:
        super().__init__(f"{where}: wanted {wanted}, got {got}")


class Inconsistent(Exception):
    """State and log contradict each other: end the process rather than guess."""
