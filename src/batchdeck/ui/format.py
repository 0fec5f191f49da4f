"""Times, counts, sizes and amounts as words. Pure; the only place where a time becomes local."""

from __future__ import annotations

from datetime import datetime, timedelta

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def count(number: int) -> str:
    """A whole number with thousands separated: `50,000`."""
    return f"{number:,}"


def short_count(number: int) -> str:
    """A whole number in at most five cells: `999`, `9,999`, `12.3k`, `123k`, `1.2M`."""
    if number < 10_000:
        return f"{number:,}"
    for limit, divisor, unit in ((10**6, 10**3, "k"), (10**9, 10**6, "M"), (10**12, 10**9, "G")):
        if number < limit:
            value = number / divisor
            text = f"{value:.1f}" if value < 100 else f"{value:.0f}"
            return f"{text.removesuffix('.0')}{unit}"
    return f"{number:.0e}"


def percent(share: float) -> str:
    """A share as whole percent that says 100 only when all is done and 0 only when nothing is."""
    if share <= 0:
        return "0%"
    if share >= 1:
        return "100%"
    return f"{min(99, max(1, round(share * 100)))}%"


def size(number: int) -> str:
    """Bytes in decimal units, as the service counts them: `812 B`, `3.4 MB`."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """A span of time in its two largest units: `45s`, `3m 20s`, `2h 05m`, `3d 4h`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m {whole % MINUTE:02d}s"
    if whole < DAY:
        return f"{whole // HOUR}h {whole % HOUR // MINUTE:02d}m"
    return f"{whole // DAY}d {whole % DAY // HOUR}h"


def age(then: datetime | None, now: datetime) -> str:
    """How long ago in at most four cells: `now`, `45s`, `12m`, `5h`, `3d`, `8w`, `2y`; `-` for never."""
    if then is None:
        return "-"
    seconds = (now - then).total_seconds()
    if seconds < 5:
        return "now"
    for limit, divisor, unit in (
        (MINUTE, 1, "s"),
        (HOUR, MINUTE, "m"),
        (2 * DAY, HOUR, "h"),
        (14 * DAY, DAY, "d"),
        (730 * DAY, 7 * DAY, "w"),
    ):
        if seconds < limit:
            return f"{int(seconds // divisor)}{unit}"
    return f"{int(seconds // (365 * DAY))}y"


def ago(then: datetime | None, now: datetime) -> str:
    """The same as a phrase: `12m ago`, `just now`, `never`."""
    if then is None:
        return "never"
    words = age(then, now)
    return "just now" if words == "now" else f"{words} ago"


def until(then: datetime, now: datetime) -> str:
    """Time left as a phrase: `in 2h 05m`, or `3m ago` once it has passed."""
    seconds = (then - now).total_seconds()
    return f"in {duration(seconds)}" if seconds >= 0 else f"{duration(-seconds)} ago"


def clock(time: datetime) -> str:
    """The local time of day: `14:03:21`."""
    return time.astimezone().strftime("%H:%M:%S")


def moment(time: datetime, now: datetime) -> str:
    """A local time in 12 cells: `    14:03:21` today, `Nov 01 14:03` lately, else the date."""
    local, here = time.astimezone(), now.astimezone()
    if local.date() == here.date():
        return f"    {local:%H:%M:%S}"
    if local.year == here.year or here - local < timedelta(days=180):
        return f"{local:%b %d %H:%M}"
    return f"  {local:%Y-%m-%d}"


def full_time(time: datetime) -> str:
    """A local time whole: `2026-11-01 14:03:21`."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def money(usd: float | None) -> str:
    """US dollars: `$0.0042`, `$1.23`, `$1,234`; `-` when not known."""
    if usd is None:
        return "-"
    if usd == 0:
        return "$0"
    if abs(usd) < 0.01:
        return f"${usd:.4f}"
    return f"${usd:,.2f}" if abs(usd) < 1000 else f"${usd:,.0f}"


def rate(per_second: float) -> str:
    """Requests over time in the unit that reads best: `12/s`, `40/min`, `7/h`."""
    if per_second >= 1:
        return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.1f}/s"
    per_minute = per_second * MINUTE
    if per_minute >= 1:
        return f"{per_minute:.0f}/min" if per_minute >= 10 else f"{per_minute:.1f}/min"
    per_hour = per_second * HOUR
    return f"{per_hour:.0f}/h" if per_hour >= 10 else f"{per_hour:.1f}/h"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """A count with its noun: `1 batch`, `3 batches`.

    Args:
        number: How many.
        noun: The singular.
        many: The plural where it is not the singular with `s`, or `es` after `ch`.
    """
    if number == 1:
        return f"1 {noun}"
    return f"{count(number)} {many or (noun + 'es' if noun.endswith('ch') else noun + 's')}"


def endpoint(url: str) -> str:
    """An endpoint without what all of them share: `chat/completions`."""
    return url.removeprefix("/v1/").removeprefix("/") if url else ""


def status_words(status: str) -> str:
    """A status as words: `in progress`."""
    return status.replace("_", " ")
