"""The operator's fault: a setting, a file or an argument that cannot be used as it stands.

Promises  Every message says where, what was wanted and what came.
Leaves    The data's fault and the world's fault to runtime.errors, which hands this one on.
"""


class ConfigError(Exception):
    """A setting, a file or an argument is at fault: say so before anything starts. Exit code 2."""

    def __init__(self, where: str, wanted: str, got: object) -> None:
        shown = repr(got)
        if len(shown) > 200:
            shown = shown[:197] + "..."
        super().__init__(f"{where}: wanted {wanted}, got {shown}")
        self.where = where
