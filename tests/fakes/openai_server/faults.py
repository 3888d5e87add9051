"""The catalogue of faults: what each is, which APIs have it, and what a right service makes of it.

A model named "fault-<name>" has the fault. Every fault name of `FAULTS` is also a behaviour in scripts.
"""

from dataclasses import dataclass
from typing import Final

from .asked import Api, Asked
from .expectations import EXPECTATIONS, RESPONSES_EXPECTATIONS, Expect
from .fault_spec import Spec
from .faults_before import BEFORE, MODEL_LIST
from .faults_odd import HOSTILE, UNUSUAL
from .faults_stream import BOUNDLESS, BROKEN
from .faults_tools import TOOLS
from .phrases import SENTENCE
from .replies import Answer, Reply
from .steps import say

__all__ = ["FAULTS", "Fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One entry of the catalogue."""

    name: str
    meaning: str
    apis: frozenset[Api]
    plain: bool
    """Whether requests without `stream` meet it too."""
    expect: Expect
    expect_in_responses: Expect
    spec: Spec

    @property
    def model(self) -> str:
        return f"fault-{self.name}"

    @property
    def retryable(self) -> bool:
        return self.expect.retryable

    def expected(self, api: Api) -> Expect:
        return self.expect_in_responses if api == "responses" else self.expect

    def answer(self, asked: Asked) -> Answer:
        """The faulty answer; a normal one where this request cannot meet the fault."""
        meets = asked.api in self.apis and (self.plain or asked.stream or asked.api == "models")
        return self.spec.make(asked) if meets else Reply(steps=say(*SENTENCE))


def _fault(name: str, spec: Spec) -> Fault:
    expect = EXPECTATIONS[name]
    return Fault(
        name=name,
        meaning=spec.meaning,
        apis=spec.apis,
        plain=spec.plain,
        expect=expect,
        expect_in_responses=RESPONSES_EXPECTATIONS.get(name, expect),
        spec=spec,
    )


_SPECS = BEFORE | MODEL_LIST | BROKEN | UNUSUAL | HOSTILE | BOUNDLESS | TOOLS

FAULTS: Final[dict[str, Fault]] = {name: _fault(name, spec) for name, spec in _SPECS.items()}
