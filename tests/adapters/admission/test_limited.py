"""The limits, counted in the process and in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from mamba_adapters.admission.limited import LimitedAdmission
from mamba_adapters.admission.meter import Meter
from mamba_adapters.admission.process import ProcessStorage
from mamba_adapters.admission.redis_meter import RedisMeter
from mamba_domain.errors import Code
from mamba_domain.events import Usage
from mamba_domain.identity import Principal
from mamba_domain.ports.admission import Admission
from tests.contracts.admission import ALICE, BOB, AdmissionContract, refusal
from tests.fakes.redis_server import RedisServer


class TestInTheProcess(AdmissionContract):
    def admission(
        self,
        *,
        max_turns: int = 100,
        turns_per_caller: int | None = None,
        turns_per_minute: int | None = None,
        tokens_per_day: int | None = None,
    ) -> Admission:
        storage = ProcessStorage()
        return LimitedAdmission(
            Meter(storage, clock=storage.clock),
            max_turns=max_turns,
            turns_per_caller=turns_per_caller,
            turns_per_minute=turns_per_minute,
            tokens_per_day=tokens_per_day,
        )


class TestInRedis(AdmissionContract):
    @pytest.fixture(autouse=True)
    async def _server(self, redis: RedisServer) -> AsyncIterator[None]:
        self.redis = redis
        async with AsyncExitStack() as self.meters:
            yield

    def admission(
        self,
        *,
        max_turns: int = 100,
        turns_per_caller: int | None = None,
        turns_per_minute: int | None = None,
        tokens_per_day: int | None = None,
    ) -> Admission:
        meter = RedisMeter(self.redis.url, password=None, prefix="test:")
        self.meters.push_async_exit(meter)
        return LimitedAdmission(
            meter,
            max_turns=max_turns,
            turns_per_caller=turns_per_caller,
            turns_per_minute=turns_per_minute,
            tokens_per_day=tokens_per_day,
        )

    async def test_two_processes_count_together(self) -> None:
        first, second = (self.admission(turns_per_minute=2, tokens_per_day=10) for _ in range(2))
        await (await first.admit(ALICE)).end(Usage(output_tokens=4))
        await (await second.admit(ALICE)).end(Usage(output_tokens=4))
        for admission in (first, second):
            assert (await refusal(admission, ALICE)).code is Code.RATE_LIMITED
        await (await first.admit(BOB)).end(Usage(output_tokens=10))
        assert "tokens" in (await refusal(second, BOB)).detail

    async def test_every_key_begins_with_the_prefix_and_goes_by_itself(self) -> None:
        admission = self.admission(turns_per_minute=2, tokens_per_day=10)
        await (await admission.admit(Principal(subject="a\u00e9 *:{x}"))).end(Usage(output_tokens=4))
        keys = [line for line in self.redis.tell("KEYS", "*").split(b"\r\n") if line and line[:1] not in b"*$"]
        assert len(keys) == 2
        for key in keys:
            assert key.startswith(b"test:limits")
            assert 0 < int(self.redis.tell("TTL", key.decode()).strip()[1:]) <= 86_400
