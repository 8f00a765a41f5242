"""The way that a domain has before it: which steps, and which of them is next."""

from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from mtasts_resolver.policy import Mode, Policy
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.published.publication.policyfile import (
    fits_any,
    means_the_same,
    without_host,
)
from mtasts_resolver.published.publication.standing import (
    LASTING_MAX_AGE,
    Stage,
    Standing,
    find_standing,
)
from mtasts_resolver.published.publication.steps import PublishingStep, StepWriter
from mtasts_resolver.published.publication.wanted import (
    Patterns,
    Publication,
    Wishes,
    Writer,
    as_it_stands,
    find_patterns,
    usual_max_age,
)
from mtasts_resolver.published.publication.webservers import PolicySite


class Way(Struct, frozen=True, kw_only=True):
    """All that is to be done, from where a domain is."""

    standing: Standing
    patterns: Patterns
    steps: tuple[PublishingStep, ...]
    """In their order; those that are done among them."""
    next: int | None
    """The index of the next one; None where there is nothing to do."""
    present: Publication
    """What should be out there before the next step, by the MX hosts as they are."""
    guessed: bool = False
    """Nobody can see which policy there is: that of `present` is none to hold on to."""

    @property
    def next_step(self) -> PublishingStep | None:
        return None if self.next is None else self.steps[self.next]

    def written_at(self, step: PublishingStep | None) -> Publication:
        """Return what is out there when a step is done."""
        if step is None or step.publication is None:
            return self.present
        return step.publication


_IN_FORCE = (Stage.TESTING, Stage.ENFORCED, Stage.LASTING)


class _Planner(NamedTuple):
    standing: Standing
    wishes: Wishes
    patterns: Patterns
    writer: Writer
    steps: StepWriter
    present: Publication
    guessed: bool


def find_way(
    observed: Observed,
    wishes: Wishes,
    site: PolicySite,
    now: datetime,
    written: Publication | None = None,
) -> Way:
    """Return the way before a domain. Raise PublicationError.

    `written` is what was written before, and may be on its way out there.
    """
    standing = find_standing(observed)
    patterns = find_patterns(standing, wishes)
    writer = Writer(observed, standing, wishes, now, written)
    lost = standing.stage is Stage.UNUSABLE and bool(standing.policy_id) and not standing.shown
    guessed = lost and wishes.mode is None and not wishes.retire
    if guessed and not wishes.policy_id:
        wishes = replace(wishes, policy_id=standing.policy_id)
    present = as_it_stands(standing, wishes, patterns, writer)
    steps = StepWriter(observed, site, wishes.policy_host)
    planner = _Planner(standing, wishes, patterns, writer, steps, present, guessed=guessed)
    way, following = _choose(planner)
    return Way(
        standing=standing,
        patterns=patterns,
        steps=tuple(way),
        next=following,
        present=present,
        guessed=guessed,
    )


def _choose(planner: _Planner) -> tuple[list[PublishingStep], int | None]:
    """Return the steps, and the index of the next one."""
    standing, wishes = planner.standing, planner.wishes
    withdrawn = standing.policy is not None and standing.policy.mode is Mode.NONE
    if wishes.retire or wishes.mode is Mode.NONE or (withdrawn and wishes.mode is None):
        return _back(planner)
    policy = standing.policy
    if policy is None and standing.policy_id and wishes.mode is None:
        known = None if planner.guessed else planner.present
        return [planner.steps.repair(known, standing.policy_fault)], 0
    if policy is None or standing.stage not in _IN_FORCE:
        return _there(planner)
    if wishes.mode is None and wishes.max_age is None and (way := _other_hosts(planner, policy)):
        return way, 0
    another_id = wishes.new_id or wishes.policy_id not in ("", standing.policy_id)
    if another_id or not means_the_same(policy, planner.present.policy):
        return _changed(planner, policy), 0
    return _there(planner)


def _there(planner: _Planner) -> tuple[list[PublishingStep], int | None]:
    """Return the steps from nothing to a policy that is enforced for long."""
    begun, steps, standing = planner.present, planner.steps, planner.standing
    way = [steps.serve(begun), steps.announce(begun)]
    if begun.policy.mode is Mode.TESTING:
        way.append(steps.enforce(_enforced(planner, Stage.TESTING)))
    elif standing.stage in _IN_FORCE:
        way.append(steps.enforce(begun))
    if begun.policy.mode is Mode.TESTING or begun.policy.max_age < LASTING_MAX_AGE:
        way.append(steps.lengthen(_enforced(planner, Stage.ENFORCED)))
    if standing.stage is Stage.LASTING:
        return way, None
    served = standing.policy is not None and means_the_same(standing.policy, begun.policy)
    # To test means to hear of what fails.
    done = {Stage.TESTING: 2 if standing.reports else 1, Stage.ENFORCED: 3}
    return way, done.get(standing.stage, 1 if served else 0)


def _enforced(planner: _Planner, after: Stage) -> Publication:
    """Return the enforced policy that comes after a stage."""
    max_age = usual_max_age(Mode.ENFORCE, after)
    return planner.writer.write(Mode.ENFORCE, max_age, planner.patterns.now)


def _changed(planner: _Planner, policy: Policy) -> list[PublishingStep]:
    """Return the steps to another mode or max_age, which was asked for, and from there."""
    wanted, steps = planner.present, planner.steps
    if wanted.policy.mode is not Mode.ENFORCE:
        return [steps.change(wanted)]
    begins = policy.mode is not Mode.ENFORCE
    way = [steps.enforce(wanted) if begins else steps.change(wanted)]
    if wanted.policy.max_age < LASTING_MAX_AGE:
        way.append(steps.lengthen(_enforced(planner, Stage.ENFORCED)))
    return way


def _other_hosts(planner: _Planner, policy: Policy) -> list[PublishingStep]:
    """Return the steps of a change of MX hosts; none where the policy fits them.

    What is out there stays in the policy until no mail goes there, and what mail will go to is in
    it long before: some sender keeps to a policy for the whole of its max_age.
    """
    patterns, steps = planner.patterns, planner.steps
    new = tuple(mx for mx in patterns.now if mx not in policy.mx)
    gone = tuple(mx for mx in policy.mx if mx not in patterns.last)

    def write(mx: tuple[str, ...]) -> Publication:
        return planner.writer.write(policy.mode, policy.max_age, mx)

    way: list[PublishingStep] = []
    if any(not fits_any(mx, policy.mx) for mx in new):
        both = tuple(dict.fromkeys((*policy.mx, *patterns.now)))
        way.append(steps.name_hosts(write(both), new, patterns.outside, policy.max_age))
    if patterns.moving:
        awaited = without_host(patterns.last, planner.standing.hosts)
        way.append(steps.move_mail(awaited or patterns.last, policy.max_age))
    if gone:
        way.append(steps.drop_hosts(write(patterns.last), gone))
    return way


def _back(planner: _Planner) -> tuple[list[PublishingStep], int | None]:
    """Return the steps to no policy (RFC 8461 §8.3)."""
    standing, steps = planner.standing, planner.steps
    policy, none = standing.policy, planner.present
    if standing.stage is Stage.NOTHING:
        return [], None
    withdrawn = policy is not None and policy.mode is Mode.NONE
    shown = standing.shown
    old_age = None if shown is None or shown.mode is Mode.NONE else shown.max_age
    way = [
        steps.withdraw(none, old_age, standing.policy_fault),
        steps.remove_record(old_age),
        steps.remove_file(none.policy.max_age),
    ]
    if not withdrawn or standing.stage is Stage.UNUSABLE:
        return way, 0
    return way, 1 if standing.stage is Stage.WITHDRAWN else 2
