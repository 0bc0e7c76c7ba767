"""What every widget needs to know of how to draw and tell the time, passed in once."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from panes.glyphs import UNICODE, Glyphs


@dataclass(frozen=True, slots=True)
class Look:
    """The set of shapes, and the time zone for times of day (None: the machine's own)."""

    glyphs: Glyphs = UNICODE
    zone: tzinfo | None = None

    def time(self, at: float) -> str:
        """Return the time of day, `14:09`, of a wall time in seconds."""
        return datetime.fromtimestamp(at, self.zone).strftime("%H:%M")
