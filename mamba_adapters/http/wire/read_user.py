"""Reads what a person said and attached, in the words of AI SDK 4 to 7 or of OpenAI."""

from __future__ import annotations

from mamba_adapters.http.wire.read_files import read_attachment, read_file, read_file_part
from mamba_adapters.http.wire.read_notes import Notes
from mamba_domain.messages import JsonObject, JsonValue, TextPart, UserPart

__all__ = ["read_text", "read_user_message", "read_user_parts"]


def read_user_message(message: JsonObject, pointer: str, notes: Notes) -> list[UserPart]:
    """The parts of one message. AI SDK 4 repeats its text as `content`, which counts where the parts have none."""
    content = message.get("content")
    has_parts = message.get("parts") is not None
    found = read_user_parts(notes.items(message, "parts", pointer) or [], f"{pointer}/parts", notes)
    if not any(isinstance(part, TextPart) for part in found):
        if isinstance(content, str):
            found.insert(0, TextPart(text=notes.text(content, f"{pointer}/content")))
        elif isinstance(content, list) and not has_parts:
            found = read_user_parts(content, f"{pointer}/content", notes)
        elif not has_parts:
            notes.problem(f"{pointer}/content", "must be a text or a list of parts")
    for index, attachment in enumerate(notes.items(message, "experimental_attachments", pointer) or ()):
        place = f"{pointer}/experimental_attachments/{index}"
        notes.count_part()
        if not isinstance(attachment, dict):
            notes.problem(place, "must be an object")
        elif (read := read_attachment(attachment, place, notes)) is not None:
            found.append(read)
    return [part for part in found if not isinstance(part, TextPart) or part.text]


def read_user_parts(parts: list[JsonValue], pointer: str, notes: Notes) -> list[UserPart]:
    """A list of parts."""
    found: list[UserPart] = []
    for index, value in enumerate(parts):
        place = f"{pointer}/{index}"
        part = notes.part(value, place)
        if part is None:
            continue
        kind = part.get("type")
        match kind:
            case "text" | "input_text":
                found.append(TextPart(text=notes.text(part.get("text"), f"{place}/text")))
            case "file":
                file = read_file_part(part, place, notes)
                if file is not None:
                    found.append(file)
            case "image_url":
                image = part.get("image_url")
                url = image.get("url") if isinstance(image, dict) else image
                file = read_file(notes, url, "image", None, f"{place}/image_url/url")
                if file is not None:
                    found.append(file)
            case _:
                notes.ignore_part(kind)
    return found


def read_text(message: JsonObject, pointer: str, notes: Notes) -> str:
    """The text of a message that can hold nothing else; other parts are ignored and counted."""
    content = message.get("content")
    parts = notes.items(message, "parts", pointer)
    place = f"{pointer}/parts"
    if parts is None and isinstance(content, list):
        parts, place = content, f"{pointer}/content"
    if parts is None:
        return notes.text(content, f"{pointer}/content")
    texts: list[str] = []
    for index, value in enumerate(parts):
        part = notes.part(value, f"{place}/{index}")
        if part is not None and part.get("type") in ("text", "input_text"):
            texts.append(notes.text(part.get("text"), f"{place}/{index}/text"))
        elif part is not None:
            notes.ignore_part(part.get("type"))
    return "".join(texts)
