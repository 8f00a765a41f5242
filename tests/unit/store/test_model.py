"""The store and a dict, put through the same random life, always hold the same."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mtasts_resolver.store import StoredPolicy
from tests.unit.store.support import contents, crash, new_store, rows_written

domains = st.sampled_from([f"d{number}.example" for number in range(8)])
moments = st.floats(0, 4e9)
stored_policies = st.builds(
    StoredPolicy,
    domain=domains,
    policy_id=st.from_regex(r"[A-Za-z0-9]{1,32}", fullmatch=True),
    document=st.text(st.characters(codec="utf-8")),
    fetched_at=moments,
    asked_at=moments,
)


class StoreAndDict(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.path = Path(self.directory.name) / "policies.sqlite"
        self.model: dict[str, StoredPolicy] = {}
        self.images = 0
        self.start()

    def start(self) -> None:
        self.store = new_store(self.path)
        self.runner.run(self.store.open())

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.directory.cleanup()

    @rule(stored=stored_policies)
    def put(self, stored: StoredPolicy) -> None:
        self.store.put(stored)
        self.model[stored.domain] = stored

    @rule(domain=domains)
    def delete(self, domain: str) -> None:
        self.store.delete(domain)
        self.model.pop(domain, None)

    @rule(domain=domains)
    def get(self, domain: str) -> None:
        assert self.runner.run(self.store.get(domain)) == self.model.get(domain)

    @rule()
    def flush(self) -> None:
        self.runner.run(self.store.flush())
        assert self.store.pending == 0
        assert self.runner.run(rows_written(self.store)) == len(self.model)

    @rule(stored=stored_policies, domain=domains)
    def change_during_a_flush(self, stored: StoredPolicy, domain: str) -> None:
        async def both() -> None:
            flushing = asyncio.create_task(self.store.flush())
            await asyncio.sleep(0)
            self.put(stored)
            await asyncio.sleep(0)
            self.delete(domain)
            await flushing

        self.runner.run(both())

    @rule()
    def end_and_begin_again(self) -> None:
        self.runner.run(self.store.close())
        self.start()

    @rule()
    def die_after_a_flush(self) -> None:
        self.runner.run(self.store.flush())
        self.images += 1
        image = crash(self.path, Path(self.directory.name) / f"image{self.images}")
        self.runner.run(self.store.close())
        self.path = image
        self.start()

    @invariant()
    def both_hold_the_same(self) -> None:
        assert self.runner.run(contents(self.store)) == self.model
        assert self.store.trouble is None


TestStoreAndDict = StoreAndDict.TestCase
TestStoreAndDict.settings = settings(max_examples=25, stateful_step_count=30)
