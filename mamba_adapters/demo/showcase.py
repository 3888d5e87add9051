"""What the demo model has to show: made-up forms, numbers, listings and cards, each under the words that ask for it."""

from __future__ import annotations

from typing import Final

from mamba_adapters.demo.pictures import GREEN_MAMBA, LISBON
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["CARDS", "FORMS", "LISTINGS", "SERIES", "SHARES", "Choices", "Rows"]

Choices = tuple[tuple[tuple[str, ...], JsonObject], ...]
Rows = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


def _options(*labels: str) -> list[JsonValue]:
    return [{"label": label, "value": label.lower().replace(" ", "-")} for label in labels]


_CONTACT: Final[JsonObject] = {
    "title": "Contact us",
    "description": "We answer within one working day.",
    "fields": [
        {"id": "name", "type": "text", "label": "Your name", "placeholder": "Ada Lovelace", "required": True},
        {"id": "email", "type": "email", "label": "E-mail", "placeholder": "ada@example.org", "required": True},
        {"id": "topic", "type": "select", "label": "Topic", "options": _options("Question", "Problem", "Praise")},
        {"id": "message", "type": "textarea", "label": "Message", "required": True},
        {"id": "copy", "type": "checkbox", "label": "Send me a copy", "defaultValue": True},
    ],
    "submitLabel": "Send",
}
_FEEDBACK: Final[JsonObject] = {
    "title": "How was it?",
    "description": "Five short questions.",
    "fields": [
        {
            "id": "rating",
            "type": "slider",
            "label": "Overall",
            "min": 0,
            "max": 10,
            "step": 1,
            "defaultValue": 7,
        },
        {"id": "again", "type": "radio", "label": "Would you come again?", "options": _options("Yes", "Maybe", "No")},
        {"id": "visits", "type": "number", "label": "Visits so far", "min": 0, "max": 100, "step": 1},
        {"id": "last", "type": "date", "label": "Last visit"},
        {"id": "remarks", "type": "textarea", "label": "Anything else?", "placeholder": "Tell us more"},
    ],
    "submitLabel": "Send feedback",
}
_REGISTRATION: Final[JsonObject] = {
    "title": "Join the workshop",
    "fields": [
        {"id": "name", "type": "text", "label": "Full name", "required": True},
        {"id": "email", "type": "email", "label": "E-mail", "required": True},
        {"id": "day", "type": "date", "label": "Day", "required": True},
        {"id": "guests", "type": "number", "label": "Guests", "min": 0, "max": 5, "step": 1, "defaultValue": 0},
        {
            "id": "meal",
            "type": "radio",
            "label": "Lunch",
            "options": _options("Vegetarian", "Fish", "None"),
            "defaultValue": "vegetarian",
        },
        {"id": "photo", "type": "file", "label": "Photo for the badge"},
        {"id": "terms", "type": "checkbox", "label": "I accept the terms", "required": True},
    ],
    "submitLabel": "Register",
}
FORMS: Final[Choices] = (
    (("contact", "message", "support"), _CONTACT),
    (("feedback", "survey", "questionnaire", "rating", "review"), _FEEDBACK),
    (("registration", "register", "signup", "workshop", "booking", "event"), _REGISTRATION),
)

SERIES: Final[Rows] = (
    ("Orders a month", (("Jan", 42), ("Feb", 51), ("Mar", 48), ("Apr", 63), ("May", 70), ("Jun", 82))),
    ("Visitors by weekday", (("Mon", 310), ("Tue", 342), ("Wed", 365), ("Thu", 358), ("Fri", 402), ("Sat", 518))),
    ("Mean temperature (°C)", (("Jan", 1.2), ("Mar", 6.4), ("May", 14.8), ("Jul", 20.1), ("Sep", 15.3), ("Nov", 5.9))),
)
SHARES: Final[Rows] = (
    ("Ways to work (%)", (("By train", 34), ("By bicycle", 27), ("By car", 22), ("On foot", 17))),
    ("Time spent (hours)", (("Reading", 12), ("Writing", 18), ("Meetings", 7), ("Testing", 9))),
)

_PRIMES: Final = '''from collections.abc import Iterator


def primes(limit: int) -> Iterator[int]:
    """The primes below a limit, by the sieve of Eratosthenes."""
    is_prime = [True] * limit
    for number in range(2, limit):
        if is_prime[number]:
            yield number
            for multiple in range(number * number, limit, number):
                is_prime[multiple] = False


print(list(primes(50)))
'''
_DEBOUNCE: Final = """/** Calls `action` once the calls have paused for `delay` milliseconds. */
export function debounce<T extends unknown[]>(action: (...args: T) => void, delay: number) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (...args: T) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...args), delay);
  };
}
"""
_CUSTOMERS: Final = """-- The ten customers who ordered most this year.
SELECT c.name, count(*) AS orders, sum(o.total) AS spent
FROM customers AS c
JOIN orders AS o ON o.customer_id = c.id
WHERE o.placed_at >= date_trunc('year', now())
GROUP BY c.name
ORDER BY spent DESC
LIMIT 10;
"""


def _listing(language: str, filename: str, code: str) -> JsonObject:
    return {"language": language, "filename": filename, "code": code, "editable": False, "showLineNumbers": True}


LISTINGS: Final[Choices] = (
    (("python", "py", "script"), _listing("python", "primes.py", _PRIMES)),
    (("typescript", "javascript", "ts", "js", "react"), _listing("typescript", "debounce.ts", _DEBOUNCE)),
    (("sql", "query", "database"), _listing("sql", "best_customers.sql", _CUSTOMERS)),
)

CARDS: Final[Choices] = (
    (
        ("lisbon", "travel", "trip", "hotel", "city"),
        {
            "title": "Lisbon",
            "description": "A weekend by the river",
            "content": "Two nights near the old town, with breakfast and a day ticket for the trams.",
            "media": {"type": "image", "url": LISBON, "alt": "A bridge over the river in the evening sun"},
            "actions": [
                {"label": "Book", "action": "book", "variant": "default"},
                {"label": "Save for later", "action": "save", "variant": "outline"},
            ],
        },
    ),
    (
        ("mamba", "animal", "snake", "profile"),
        {
            "title": "Green Mamba",
            "description": "Dendroaspis viridis",
            "content": "Lives in trees, hunts by day, and would rather leave than quarrel.",
            "media": {"type": "image", "url": GREEN_MAMBA, "alt": "A green snake among leaves"},
            "actions": [
                {"label": "Read more", "action": "read-more", "variant": "default"},
                {"label": "Share", "action": "share", "variant": "secondary"},
                {"label": "Hide", "action": "hide", "variant": "destructive"},
            ],
        },
    ),
)
