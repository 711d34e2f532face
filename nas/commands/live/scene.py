"""What the live area shows: a value, and the lines that it gives at a width."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.watch import Running

if TYPE_CHECKING:
    from rich.text import Text

MOST_RUNNING = 4  # evaluations under way that have a line of their own
BAR = (8, 30)  # columns of the bar, least and most
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass(frozen=True)
class Scene:
    """What goes on, as far as it is known.

    Attributes:
        phase: In a word or two, as `searching`.
        done: How much is done.
        of: Of how much; 0 where nobody knows.
        counted: The two in words, as `12 of 30 networks`.
        left: Seconds left; None where nobody knows.
        detail: What else is worth a line.
        running: Evaluations under way.
    """

    phase: str
    done: float = 0.0
    of: float = 0.0
    counted: str = ""
    left: float | None = None
    detail: str = ""
    running: Sequence[Running] = ()


def spoken(seconds: float) -> str:
    """`42 s`, `12 min` or `3 h 20 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60:,} h {minutes % 60} min"


def lines(scene: Scene, width: int, elapsed: float, stopping: str = "") -> list["Text"]:
    """The scene in lines that fit.

    Args:
        scene: What goes on.
        width: Columns that a line may have.
        elapsed: Seconds since the phase began.
        stopping: What is said since Ctrl-C, if it came.
    """
    from rich.text import Text

    made = [_head(scene, width, elapsed)]
    if scene.detail:
        made.append(Text(f"  {scene.detail}", style="dim"))
    now = time.monotonic()
    for one in scene.running[:MOST_RUNNING]:
        made.append(Text(_running(one, now)))
    if (more := len(scene.running) - MOST_RUNNING) > 0:
        made.append(Text(f"  and {more} more at the same time"))
    for line in made:
        line.truncate(width, overflow="ellipsis")
    if stopping:
        import textwrap

        made += [Text(line, style="yellow") for line in textwrap.wrap(stopping, width)]
    return made


def _running(one: Running, now: float) -> str:
    """An evaluation under way, in words."""
    step = f"step {one.done:,} of {one.of:,}" if one.of else "starting"
    return f"  trial {one.number}: {step}, {spoken(now - one.begun)}"


def _head(scene: Scene, width: int, elapsed: float) -> "Text":
    """The phase, a bar and how much is left; on a narrow terminal as much of it as fits."""
    from rich.text import Text

    turning = SPINNER[int(10 * elapsed) % len(SPINNER)]
    head = Text.assemble(f"{turning} ", (scene.phase, "bold"))
    counted = Text(f"  {scene.counted}" if scene.counted else "")
    known = scene.left is not None
    clock = Text(f"  {spoken(scene.left)} left" if known else f"  {spoken(elapsed)}", style="cyan")  # type: ignore[arg-type]
    room = width - sum(part.cell_len for part in (head, counted, clock)) - 2
    bar = Text("")
    if scene.of and room >= BAR[0]:
        columns = min(BAR[1], room)
        full = round(columns * min(1.0, scene.done / scene.of))
        bar = Text.assemble("  ", ("━" * full, "green"), ("─" * (columns - full), "dim"))
    return Text.assemble(head, bar, counted, clock)
