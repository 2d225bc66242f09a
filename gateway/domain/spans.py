"""Spans of time in words."""

from datetime import timedelta


def duration(span: timedelta) -> str:
    """`40 s`, `42 min`, `3 h 5 min`, `2 d 4 h`: the two largest units. static/tocsin.js says it the same way."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if hours == 0:
        return f"{minutes} min"
    if days == 0:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"
