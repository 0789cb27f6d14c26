"""Show set-up and stop as they go: on a terminal a list that moves, else one line per finished step."""

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from local.state import RunState


class Steps:
    """Draws the steps of a state; use as a context manager, call it with each new state."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=False) if console.is_terminal else None
        self._said: set[str] = set()
        self._spinner = Spinner("dots")

    def __enter__(self) -> "Steps":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, state: RunState) -> None:
        """Show this state."""
        if self._live is not None:
            self._live.update(Group(*(self._line(step.name, step.state, step.took_s) for step in state.steps)))
            return
        for step in state.steps:
            if step.state in ("done", "failed") and step.name not in self._said:
                self._said.add(step.name)
                self._console.print(self._line(step.name, step.state, step.took_s))

    def _line(self, name: str, state: str, took_s: float) -> Text | Spinner:
        if state == "doing":
            self._spinner.update(text=Text(name))
            return self._spinner
        mark, style = {"done": ("✔", "green"), "failed": ("✘", "red")}.get(state, ("·", "dim"))
        return Text.assemble((f"{mark} ", style), (name, "" if state != "waiting" else "dim"), (f"  {took_s:.1f} s" if took_s else "", "dim"))
