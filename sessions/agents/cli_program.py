"""A command-line agent's program: how it is started and stopped, where its files are, and how long one waits for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds one waits for a program before the next step. Measured on real agents; tests have less."""

    ready: float = 30.0
    """For its first word after the start."""
    echo: float = 1.0
    """For a typed line to stand on its screen."""
    enter: float = 0.15
    """Between the line and Enter: some programs lose one that comes at once."""
    accept: float = 2.0
    """For a sign that the prompt was taken; then Enter is pressed once more."""
    quiet: float = 0.25
    """Without another word, before its being at rest is believed after an interrupt."""
    wind_down: float = 10.0
    """For its rest after its transition was accepted."""


@dataclass(frozen=True, slots=True)
class CliProgram:
    """How a command-line agent is started and stopped, and where its files are.

    `folder` is where it works; `files` a folder of ours for its prompts, token and transcripts; `interrupt` the keys
    that stop a turn without ending the program.
    """

    argv: tuple[str, ...]
    folder: Path
    files: Path
    recordings: Path
    environment: Mapping[str, str]
    number: int
    interrupt: bytes = b"\x1b"
    clear: bytes = b"\x15"
    """Keys that empty its input box."""
    free: bool = False
    """Whether its turns cost nothing."""
    patience: Patience = field(default_factory=Patience)

    @property
    def token(self) -> Path:
        """The file with the running turn's token, renewed for each turn."""
        return self.files / "token"

    @property
    def transcript(self) -> Path:
        """The file the program may write what it says into."""
        return self.files / "transcript.txt"

    def said_size(self) -> int:
        """Return the transcript's size in bytes; 0 when there is none."""
        try:
            return self.transcript.stat().st_size
        except OSError:
            return 0

    def said_since(self, size: int) -> str:
        """Return what was written into the transcript after its first `size` bytes; empty when nothing was."""
        try:
            with self.transcript.open("rb") as file:
                file.seek(size)
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def free_recording(self) -> Path:
        """Return the next free recording of the window: `3.cast`, then `3-2.cast` for a program started again."""
        self.recordings.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, count = self.recordings / f"{self.number}.cast", 1
        while path.exists():
            count += 1
            path = self.recordings / f"{self.number}-{count}.cast"
        return path
