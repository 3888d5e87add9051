"""Lets pytest-httpx answer what openai and authlib send.

pytest-httpx patches httpx; both libraries use httpx2, its successor, which can stand in for the older name.
That works only before anything has imported httpx, so pytest loads this module first of all (see addopts in
pyproject.toml).
"""

import httpx2

httpx2.alias_httpx()
