"""What an examination finds: one line each, with what to do where something is wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TypeAlias

__all__ = ["Finding", "Level", "Report", "clock", "counted", "failed", "is_local", "passed", "warned"]

_RIGHT_CLOCK = 5.0
"""Seconds; a Date header is exact to one, and an answer takes its time."""


class Level(StrEnum):
    """How bad it is. Only a failure makes the exit status 1."""

    PASS = "PASS"  # noqa: S105 - no password
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is what was looked at, `fact` what was seen, and `advice` what to do. None of them quotes an answer."""

    level: Level
    subject: str
    fact: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.level} {self.subject}: {self.fact}" + (f". {self.advice}" if self.advice else "")


Report: TypeAlias = Callable[[Finding], None]
"""Where findings go, as soon as they are made."""


def passed(subject: str, fact: str) -> Finding:
    """As it should be."""
    return Finding(Level.PASS, subject, fact)


def warned(subject: str, fact: str, advice: str) -> Finding:
    """It works, and may not be what is wanted."""
    return Finding(Level.WARN, subject, fact, advice)


def failed(subject: str, fact: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(Level.FAIL, subject, fact, advice)


def counted(number: int, what: str) -> str:
    """So many of them, in words."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def clock(headers: Mapping[str, str], *, of: str, tolerance: float = _RIGHT_CLOCK) -> Finding | None:
    """This machine's clock against an answer's Date, which has just come. None where there is no such header."""
    try:
        there = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return None
    ahead = (datetime.now(UTC) - there.astimezone(UTC)).total_seconds()
    if abs(ahead) <= tolerance:
        return passed("clock", f"agrees with that of {of}")
    way = "ahead of" if ahead > 0 else "behind"
    advice = "Tokens are judged by this clock: have it set by NTP"
    return warned("clock", f"{abs(ahead):.0f} s {way} that of {of}", advice)


def is_local(host: str | None) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address((host or "").strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
