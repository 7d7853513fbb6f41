"""Numbers, sizes, shares, times and names as the page prints them. Pure."""

from datetime import datetime

from service.report.highlight import shorten

#: Longest name or path that is shown.
MAX_NAME_CHARACTERS = 160


def format_number(value: float | None) -> str:
    """Gives 1234567 as 1,234,567 and 0.01234 as 0.0123; a dash for nothing."""
    if value is None:
        return "\u2013"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"


def format_bytes(value: float) -> str:
    """Gives a size in binary units with three digits: 512 B, 3.21 MiB."""
    size = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1000 or unit == "GiB":
            return f"{size:,.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.3g} {unit}"
        size /= 1024
    raise AssertionError("the last unit takes every size")


def format_percent(share: float) -> str:
    """Gives a share from 0 to 1 in percent; what is not none is never shown as 0, what is not all never as 100."""
    percent = share * 100
    if 0 < percent < 0.1:
        return "<0.1 %"
    if 99.9 < percent < 100:
        return ">99.9 %"
    return f"{percent:.1f} %".replace(".0 %", " %")


def format_time(value: datetime | None) -> str:
    """Gives a time to the minute; the store keeps UTC."""
    return value.strftime("%Y-%m-%d %H:%M UTC") if value else "\u2013"


def short_name(value: str | None, limit: int = MAX_NAME_CHARACTERS) -> str:
    """Gives a name or path, cut in its middle when it is very long."""
    return shorten(value or "", limit)
