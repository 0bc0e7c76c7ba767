"""Foreign text made fit for a line, a limit or the log. Pure; what it says stays data."""


def storable(text: str) -> str:
    """Return a text that can be encoded: half surrogates, which file names and JSON bring, are written as escapes.

    In a JSON text the escape stands for the same half, so nothing that was wrong in it becomes right.
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: str, limit: int = 120) -> str:
    """Return a text on one line of at most `limit` letters, with unprintable letters marked."""
    line = " ".join(text[: 4 * limit].split())
    shown = "".join(letter if letter.isprintable() else "�" for letter in line)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def shorten(text: str, limit: int) -> str:
    """Return a text of about `limit` letters: its beginning, a line about what is missing, and its end."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    return f"{text[:head]}\n[... {len(text) - head - tail} letters left out ...]\n{text[-tail:]}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where that is right."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
