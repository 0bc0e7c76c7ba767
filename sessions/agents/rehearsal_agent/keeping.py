"""Keeps what was shown in a file that the host reads: the screen holds only its end."""

import contextlib
import os


class Keeper:
    """Appends text to a file as it comes. Without a name, or once the file cannot be written, it keeps nothing."""

    def __init__(self, name: str) -> None:
        self._file: int | None = None
        with contextlib.suppress(OSError):
            self._file = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if name else None

    def keep(self, text: str) -> None:
        """Append a text."""
        if self._file is None:
            return
        try:
            os.write(self._file, text.encode("utf-8", "replace"))
        except OSError:
            # A full disk must not end the program that still has a screen; the host falls back to that.
            self.close()

    def close(self) -> None:
        """Close the file. Safe to repeat."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None
