"""Pictures for the demo model's cards, drawn in SVG and carried as `data:` URLs, so that nothing is fetched from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

__all__ = ["GREEN_MAMBA", "LISBON"]

_LISBON: Final = """
<linearGradient id="s" x2="0" y2="1"><stop stop-color="#2b3a67"/><stop offset=".6" stop-color="#e2725b"/>
<stop offset="1" stop-color="#f7c59f"/></linearGradient><path fill="url(#s)" d="M0 0h420v180H0z"/>
<circle cx="300" cy="102" r="26" fill="#fff0d4"/><path fill="#8c5a76" d="M0 118q60-26 130-8t150-6 140 10v30H0z"/>
<path fill="#33415f" d="M0 138h420v42H0z"/>
<path fill="#f3b28a" opacity=".6" d="M270 146h60v3h-60zM280 156h40v3h-40zM288 166h24v3h-24z"/>
<g fill="none" stroke="#1c2540"><path stroke-width="5" d="M110 56v96M230 56v96M0 130h420"/>
<path stroke-width="2" d="M0 96q70 24 110-38 60 128 120 0 50 76 190 60"/></g>
"""
_GREEN_MAMBA: Final = """
<path fill="#dff3d8" d="M0 0h420v180H0z"/><path fill="#a9d696" d="M0 66Q120 4 240 42T420 22v158H0z"/>
<path fill="#6fb068" d="M0 124q110-50 220-14t200-16v86H0z"/>
<path fill="none" stroke="#1f7a4d" stroke-width="14" stroke-linecap="round" d="M40 142q46-60 92-16t92-18 88-10q26 8 46-14"/>
<circle cx="359" cy="82" r="2.5" fill="#fff"/>
"""


def _url(drawing: str) -> str:
    """The drawing, 420 wide and 180 high, as an address that holds it."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 420 180">{drawing.replace(chr(10), "")}</svg>'
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


LISBON: Final = _url(_LISBON)
GREEN_MAMBA: Final = _url(_GREEN_MAMBA)
