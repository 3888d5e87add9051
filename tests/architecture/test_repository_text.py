"""No committed file depends on, or gives away, the machine on which it was written."""

import re

from tests.architecture.sources import ROOT, project_files

# A bracket around one letter keeps these patterns from finding themselves.
FORBIDDEN = {
    "a package registry is the machine's choice": re.compile(
        r"p[y]pi\.org|p[y]thonhosted\.org|registry\.n[p]mjs|registry\.y[a]rnpkg|n[p]mjs\.org|deb\.d[e]bian\.org"
    ),
    "a path of one machine": re.compile(r"(?<![\w.$}/~-])/(?:h[o]me|r[o]ot|U[s]ers|w[o]rk|w[o]rkspace)/[\w.]"),
    "a key": re.compile(r"\bsk-(?:proj-)?[A-Za-z0-9]{20,}"),
    "a merge that was not finished": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


def test_no_file_names_a_registry_a_path_of_one_machine_or_a_key() -> None:
    findings = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}: {found.group()!r} is {what}"
        for path in project_files()
        if (text := _text(path.read_bytes()))
        for what, pattern in FORBIDDEN.items()
        for found in pattern.finditer(text)
    ]
    assert findings == []


def test_text_files_end_with_one_newline_and_use_no_carriage_returns() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in project_files()
        if path.suffix in {".md", ".py", ".toml", ".yaml", ".yml", ".lock"} or path.name == "Makefile"
        if (data := path.read_bytes()) and (not data.endswith(b"\n") or data.endswith(b"\n\n") or b"\r" in data)
    ]
    assert wrong == []


def _text(data: bytes) -> str:
    """The file's text, or nothing when it is binary."""
    return "" if b"\0" in data[:8192] else data.decode("utf-8", "replace")
