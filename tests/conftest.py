"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure: examples may take as long as they take, within the limit of each test.
settings.register_profile("mamba", deadline=None)
settings.load_profile("mamba")
