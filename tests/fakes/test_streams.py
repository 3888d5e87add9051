"""The fake store keeps the port's promises."""

from __future__ import annotations

import pytest

from tests.contracts.stream_store import StreamStoreContract
from tests.fakes.streams import FakeStreams


class TestFakeStreams(StreamStoreContract):
    @pytest.fixture
    def store(self) -> FakeStreams:
        return FakeStreams()
