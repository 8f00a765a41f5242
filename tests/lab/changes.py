"""What happens to a mail after something has changed or failed: what is cached still counts."""

from .ends import (
    DANE,
    ENFORCES_WRONG,
    NOTFOUND,
    UNPROTECTED,
    WRONG,
    held_back,
    refused,
    secure,
    temp,
    undelivered,
)
from .internet import GOOD, WRONG_NAME
from .published import policy
from .scenario import Scenario
from .steps import (
    Step,
    answer,
    dns_fails,
    id_check,
    is_cached,
    kill,
    logged,
    new_document,
    new_id,
    policy_host_down,
    record_removed,
    resolver_hangs,
    resolver_stops,
    restart,
    turns_bogus,
)

NOT_ANSWERED = temp("no name server has answered yet")


def cached(
    name: str, domain: str, *steps: Step, own_resolver: bool = False, rows: tuple[str, ...] = ()
) -> Scenario:
    """Return a row in which the policy was cached, and is still enforced after all `steps`."""
    return Scenario(
        name=f"cached, then {name}",
        to=f"{domain}.example",
        before=(is_cached, *steps),
        end=WRONG,
        answer=ENFORCES_WRONG,
        own_resolver=own_resolver,
        rows=rows,
    )


CHANGES = (
    Scenario(
        name="cached, then a new id: the policy has changed",
        to="new-id.example",
        before=(
            is_cached,
            new_document(policy("enforce", GOOD)),
            new_id,
            restart,
            answer(secure(GOOD)),
        ),
        end=refused(f"verification failed for {WRONG_NAME.name}"),
        answer=secure(GOOD),
        because="policy-changed",
        rows=("C5",),
    ),
    Scenario(
        name="cached, then a new id: the policy is mode none",
        to="new-id-none.example",
        before=(is_cached, new_document(policy("none")), new_id, restart, answer(NOTFOUND)),
        end=UNPROTECTED,
        answer=NOTFOUND,
        because="policy-changed",
        rows=("C5", "C7"),
    ),
    cached(
        "the record is removed", "record-removed", record_removed, restart, id_check, rows=("R6",)
    ),
    cached(
        "a new id: the document is broken",
        "document-broken",
        new_document(b"<html>"),
        new_id,
        restart,
        id_check,
        logged("policy-refresh-failed"),
        rows=("C9",),
    ),
    cached(
        "a new id: the policy host is down",
        "web-goes-down",
        policy_host_down,
        new_id,
        restart,
        id_check,
        logged("policy-refresh-failed"),
        rows=("C2", "C6"),
    ),
    cached("DNS fails", "dns-fails", dns_fails, policy_host_down, rows=("C2",)),
    cached("the resolver is gone", "dns-stops", resolver_stops, own_resolver=True, rows=("C2",)),
    # What was known of DANE ends with the daemon, and mail must not go out against it.
    Scenario(
        name="cached, then the resolver is gone, and a restart",
        to="dns-stays-away.example",
        before=(is_cached, resolver_stops, restart),
        own_resolver=True,
        end=held_back(NOT_ANSWERED),
        answer=NOT_ANSWERED,
        rows=("C2", "D1", "A4"),
    ),
    Scenario(
        name="cached, then its zone turns bogus, and a restart",
        to="turns-bogus.example",
        before=(is_cached, turns_bogus, restart),
        end=undelivered("deferred", "4.4.3", "name=turns-bogus.example type=MX"),
        answer=temp("MX turns-bogus.example: 127.0.0.1 says SERVFAIL"),
        rows=("C2", "D1"),
    ),
    cached("the resolver hangs", "dns-hangs", resolver_hangs, own_resolver=True, rows=("C2",)),
    cached(
        "all is down, and a restart",
        "restarted",
        dns_fails,
        policy_host_down,
        restart,
        rows=("C2",),
    ),
    cached("all is down, and kill -9", "killed", dns_fails, policy_host_down, kill, rows=("C2",)),
    Scenario(
        name="nothing cached, and DNS fails",
        to="dns-never-worked.example",
        before=(dns_fails,),
        end=UNPROTECTED,
        answer=NOTFOUND,
    ),
    Scenario(
        name="nothing cached, and the resolver hangs",
        to="resolver-never-worked.example",
        before=(resolver_hangs,),
        own_resolver=True,
        end=UNPROTECTED,  # Postfix finds out by itself that there are no TLSA records
        answer=DANE,
        rows=("D2",),
    ),
)
