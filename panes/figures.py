"""Numbers as people read them. Unknown is `--` or `n/a`, never 0."""

from panes.glyphs import Glyphs


def tokens(count: int, *, estimated: bool = False) -> str:
    """Return a count of tokens: `812`, `61.2k`, `1.4M`; `~` marks an estimate."""
    mark = "~" if estimated else ""
    if count < 1000:
        return f"{mark}{count}"
    if count < 99_950:
        return f"{mark}{count / 1000:.1f}k"
    if count < 999_500:
        return f"{mark}{count / 1000:.0f}k"
    return f"{mark}{count / 1_000_000:.1f}M"


def age(seconds: float) -> str:
    """Return a duration: `0:41`, `12:05`, `1h12m`, `3d4h`."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02d}m"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours}h"


def short_age(seconds: float) -> str:
    """Return a duration in one unit, for narrow places: `41s`, `12m`, `3h`, `2d`."""
    whole = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def money(dollars: float, *, known: bool) -> str:
    """Return a cost in US dollars, `n/a` when any part of it is unknown."""
    if not known:
        return "n/a"
    return f"${dollars:.2f}" if dollars >= 0.005 or dollars == 0 else "<$0.01"


def speed(per_second: float | None) -> tuple[str, str]:
    """Return tokens a second and the word for it: slow under 30, ok to 60, fast above; `--` when unknown."""
    if per_second is None:
        return "--", ""
    word = "slow" if per_second < 30 else "ok" if per_second <= 60 else "fast"
    return f"{per_second:.0f}", word


def bar(part: float, cells: int, glyphs: Glyphs) -> str:
    """Return a bar of `cells` for a part between 0 and 1; anything above nothing shows at least one full cell."""
    filled = min(cells, max(round(part * cells), 1 if part > 0 else 0))
    return glyphs.full * filled + glyphs.empty * (cells - filled)


def percent(part: float) -> str:
    """Return a part between 0 and 1 as a whole percentage; a little is `1%`, never `0%`."""
    return f"{max(1, round(part * 100)) if part > 0 else 0}%"


def context_word(part: float) -> str:
    """Return the word for a context that fills up: `warn` from 75 %, `FULL` from 90 %."""
    return "FULL" if part >= 0.9 else "warn" if part >= 0.75 else ""


def count(number: int, word: str) -> str:
    """Return a number with its noun: `1 task`, `3 tasks`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
