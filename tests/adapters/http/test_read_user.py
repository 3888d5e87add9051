"""What a person says and attaches, in every shape."""

from base64 import b64encode
from typing import Any

import pytest

from mamba_adapters.http.wire.ui_messages import ReadLimits
from mamba_domain.messages import FilePart, SystemMessage, TextPart, UserMessage
from tests.adapters.http.requests_by_hand import HI, PIXEL, read, refused, said, text, user

IMAGE = FilePart(media_type="image/png", url=PIXEL)


def attached(**attachment: Any) -> dict[str, Any]:
    return {"role": "user", "content": "Hi", "experimental_attachments": [attachment]}


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "Hi"},
        {"role": "user", "content": [text("Hi")]},
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        user(text("Hi")),
        user(text("Hi"), text("")),
        {"role": "user", "content": "Hi", "parts": [text("Hi")]},
        {"role": "user", "content": "Hi", "parts": []},
    ],
)
def test_a_text_is_read_in_every_shape(message: dict[str, Any]) -> None:
    assert said(message) == (HI,)


@pytest.mark.parametrize("message", [user(), user(text("")), {"role": "user", "content": ""}])
def test_who_says_nothing_leaves_no_message(message: dict[str, Any]) -> None:
    assert said(message) == ()


@pytest.mark.parametrize("role", ["system", "developer"])
@pytest.mark.parametrize(
    "words",
    [
        {"content": "Be brief."},
        {"content": [text("Be "), {"type": "input_text", "text": "brief."}]},
        {"parts": [text("Be "), {"type": "step-start"}, text("brief.")]},
    ],
)
def test_instructions_are_one_text(role: str, words: dict[str, Any]) -> None:
    assert said({"role": role, **words}, user(text("Hi"))) == (SystemMessage(text="Be brief."), HI)


@pytest.mark.parametrize(
    "message",
    [
        user({"type": "file", "mediaType": "image/png", "url": PIXEL}),
        user({"type": "file", "mediaType": "image", "url": PIXEL}),
        user({"type": "file", "mediaType": "image/*", "url": PIXEL}),
        user({"type": "file", "mediaType": "image/png; a=b", "url": PIXEL}),
        user({"type": "file", "url": PIXEL}),
        user({"type": "file", "mediaType": "image/png", "url": PIXEL, "providerReference": {"openai": "file-1"}}),
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": PIXEL}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": PIXEL}}]},
        {"role": "user", "content": [{"type": "file", "mimeType": "image/png", "data": "iVBORw0KGgo="}]},
        {"role": "user", "content": "", "experimental_attachments": [{"contentType": "image/png", "url": PIXEL}]},
    ],
)
def test_an_image_is_read_in_every_shape(message: dict[str, Any]) -> None:
    assert said(message) == (UserMessage(parts=(IMAGE,)),)


@pytest.mark.parametrize(
    ("url", "given", "known"),
    [
        ("https://example.org/a.pdf", "application/pdf", "application/pdf"),
        ("HTTPS://example.org:8443/a?b=c#d", None, "application/octet-stream"),
        ("https://example.org/a", "image", "image"),
        ("data:;base64,AAAA", None, "application/octet-stream"),
        ("DATA:text/plain; charset=utf-8;base64,AAAA", None, "text/plain"),
    ],
)
def test_an_address_is_handed_on_as_it_stands(url: str, given: str | None, known: str) -> None:
    (message,) = said(user({"type": "file", "mediaType": given, "url": url, "filename": "a.pdf"}))
    assert message == UserMessage(parts=(FilePart(media_type=known, url=url, filename="a.pdf"),))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.png",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "s3://bucket/key",
        "gs://bucket/key",
        "ftp://x/y",
        "/relative",
        "//example.org/a.png",
        "https://",
        "https:///a",
        "https://a b/",
        "https://[::1/",
        "https://example.org/\n",
        "https://example.org/" + "a" * 9000,
        "data:image/png,raw",
        "data:image/png;base64",
        "data:image/png;base64,***",
        "data:image/png;base64,AAA",
        "data:nonsense;base64,AAAA",
        "data:image/png" + ";a" * 100_000 + ";base64,AAAA",
        "",
        None,
        7,
    ],
)
def test_a_file_from_elsewhere_is_refused(url: Any) -> None:
    assert refused(user({"type": "file", "mediaType": "image/png", "url": url})) == ["/messages/0/parts/0/url"]
    assert refused(attached(url=url)) == ["/messages/0/experimental_attachments/0/url"]
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    assert refused(image) == ["/messages/0/content/0/image_url/url"]


@pytest.mark.parametrize("media_type", ["", "image/png", "image", "application/vnd.ms-excel", "image/svg+xml"])
def test_a_media_type_is_taken(media_type: str) -> None:
    (message,) = said(user({"type": "file", "mediaType": media_type, "url": "https://example.org/a"}))
    known = media_type or "application/octet-stream"
    assert message == UserMessage(parts=(FilePart(media_type=known, url="https://example.org/a"),))


@pytest.mark.parametrize("media_type", ["a b", "image/png/x", "image/", "/png", "a\nb", "x" * 300, 7, ["image/png"]])
def test_a_media_type_that_is_none_is_refused(media_type: Any) -> None:
    assert refused(user({"type": "file", "mediaType": media_type, "url": PIXEL})) == ["/messages/0/parts/0/url"]


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False), (1002, False), (5000, False)])
def test_a_file_may_have_so_many_bytes(size: int, fits: bool) -> None:
    file = {"type": "file", "url": "data:image/png;base64," + b64encode(b"x" * size).decode()}
    limits = ReadLimits(max_file_bytes=1000)
    if fits:
        assert len(read(user(file), limits=limits).request.messages) == 1
    else:
        assert refused(user(file), limits=limits) == ["/messages/0/parts/0/url"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "mediaType": "image/png", "url": "", "providerReference": {"openai": "file-1"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ],
)
def test_a_file_that_a_provider_keeps_is_left_out(part: dict[str, Any]) -> None:
    read_ = read(user(text("Hi"), part))
    assert read_.request.messages == (HI,)
    assert read_.ignored == {"part:file-reference": 1}


def test_an_attachment_of_release_4_has_a_name() -> None:
    file = FilePart(media_type="image/png", url=PIXEL, filename="a.png")
    assert said(attached(name="a.png", contentType="image/png", url=PIXEL)) == (
        UserMessage(parts=(TextPart(text="Hi"), file)),
    )


def test_an_attached_text_of_release_4_is_text() -> None:
    url = "data:text/csv;base64," + b64encode("é,1".encode() + b"\xff").decode()
    assert said(attached(contentType="text/csv", url=url)) == (
        UserMessage(parts=(TextPart(text="Hi"), TextPart(text="é,1\ufffd"))),
    )


@pytest.mark.parametrize("name", ["a\nb.png", 7, ""])
def test_a_name_that_is_none_is_left_out(name: Any) -> None:
    assert said(user({"type": "file", "url": PIXEL, "filename": name})) == (UserMessage(parts=(IMAGE,)),)


def test_a_surrogate_without_its_partner_is_replaced() -> None:
    assert said(user(text("a\ud83d"), text("\ude00b"))) == (
        UserMessage(parts=(TextPart(text="a\ufffd"), TextPart(text="\ufffdb"))),
    )
