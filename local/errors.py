"""What can go wrong on the machine itself, as sentences for the person in front of it.

Promises  Each says what is wrong and what to do about it; the command line prints it without a traceback.
Leaves    Settings and files that are wrong to runtime.errors.ConfigError.
"""


class MachineError(Exception):
    """The machine lacks something or refuses: `what` happened, and what to `do`."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(f"{what}\n  What to do: {do}")
        self.what, self.do = what, do
