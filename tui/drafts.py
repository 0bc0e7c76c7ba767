"""What was typed into a dialog and not sent: kept until it is, so that leaving a dialog loses nothing."""

from collections.abc import Callable


class Drafts:
    """Texts by name."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def of(self, name: str) -> Callable[[str | None], str]:
        """Return a function that keeps a text under `name`, and given None returns what is kept."""

        def draft(text: str | None = None) -> str:
            if text is not None:
                self._texts[name] = text
            return self._texts.get(name, "")

        return draft
