"""The steps of the way, one value each, and what is to be done in it.

A policy is first served and then announced, and a changed one is served before its new id: a sender
that fetches at the sight of a new id keeps what it gets for the whole of its max_age.
"""

import shlex
from collections.abc import Iterator

from msgspec import Struct

from mtasts_resolver.base.spans import span
from mtasts_resolver.policy import Mode
from mtasts_resolver.published.observed import Observed
from mtasts_resolver.published.publication.tlsrpt import read_report_uris
from mtasts_resolver.published.publication.wanted import Publication
from mtasts_resolver.published.publication.webservers import WEB_SERVERS, PolicySite
from mtasts_resolver.published.publication.zonefile import ZoneRecord

TESTING_TIME = 14 * 86_400
"""Seconds: senders report daily, and not all mail comes in every week."""

CACHED_BY_DNS = 86_400
"""Seconds: caches lose a record in that time, unless its TTL is unusually long. What is left of its
TTL where we have asked says little of other caches."""

# RFC 8460 §4.3 has the result types.
REPORTS = f"""\
Leave it in mode testing for {span(TESTING_TIME)}, and read the reports that come daily. Go on \
when none of your own hosts has failed for that long. What a failure means:
certificate-host-mismatch, certificate-expired, certificate-not-trusted, starttls-not-supported: \
the MX host in receiving-mx-hostname is not ready.
validation-failure: mail went to a host that the policy does not name, or TLS failed otherwise.
sts-policy-fetch-error, sts-policy-invalid, sts-webpki-invalid: it is the policy host."""


class Part(Struct, frozen=True, kw_only=True):
    """Something to be copied."""

    kind: str
    """`shell`, `zone`, or the web server that reads it."""
    title: str
    text: str


class PublishingStep(Struct, frozen=True, kw_only=True):
    """One step of the way. Its words are in lines, a paragraph each."""

    name: str
    """For `--step`."""
    title: str
    first: str = ""
    """What must be so before."""
    parts: tuple[Part, ...] = ()
    """What to do, in this order."""
    verify: tuple[str, ...] = ()
    """Commands that show whether it is done."""
    then: str = ""
    """What comes of it, and how long it must be left so."""
    publication: Publication | None = None
    """What is out there when the step is done; None where it changes nothing of that."""
    removes: bool = False
    """What is out there goes: there is nothing to write but what to do."""


class StepWriter:
    """Writes the steps of one domain, for its policy host."""

    def __init__(self, observed: Observed, site: PolicySite, policy_host: str) -> None:
        """Take what was seen of the domain; `policy_host` is a name that serves for others too."""
        self._observed = observed
        self._site = site
        self._alias = policy_host
        self._domain = observed.domain
        self._ttl = max(CACHED_BY_DNS, observed.record.ttl)
        self._reports = set(read_report_uris(observed.reports.texts))
        self._check = f"mtasts-resolver check {self._domain}"
        self._dig = f"dig +short TXT _mta-sts.{self._domain}"

    # -- there ------------------------------------------------------------------------------------

    def serve(self, publication: Publication) -> PublishingStep:
        """Return the step after which the policy host serves a policy, which nobody asks for."""
        site = self._site
        testing = publication.policy.mode is Mode.TESTING
        return PublishingStep(
            name="serve",
            title=f"Serve the policy{', in mode testing' if testing else ''}",
            first=(
                f"The certificate must be for {site.name}, or a wildcard for *.{self._domain}, of"
                " an authority that everybody trusts; also where the name is an alias.\n"
                f"The policy is for mail to {self._domain} alone: a sub-domain that takes mail"
                " needs one of its own."
            ),
            parts=(*self._address(), self._policy_file(publication), *self._servers()),
            verify=(f"curl -sSi {site.url}", self._compare(publication)),
            then=""
            if self._observed.record.texts
            else "Nobody asks for it yet: the records are lacking, and nothing else differs.",
            publication=publication,
        )

    def repair(self, publication: Publication | None, fault: str) -> PublishingStep:
        """Return the step after which senders get a policy again that is announced already.

        Without a publication nobody knows which policy that was.
        """
        first = (
            f"Senders are told of a policy, and get none: {fault}. Those that have it go on by it"
            " until its max_age is over; all others are unprotected."
        )
        if publication is None:
            first += (
                "\nWhich policy it was cannot be seen from here. Leave its file as it is, and put"
                " right what keeps senders from it; or say which it is to be, with --mode."
            )
        file = () if publication is None else (self._policy_file(publication),)
        return PublishingStep(
            name="repair",
            title="Have senders get the policy again",
            first=first,
            parts=(*self._address(), *file, *self._servers()),
            verify=(f"curl -sSi {self._site.url}", self._check),
            publication=publication,
        )

    def announce(self, publication: Publication) -> PublishingStep:
        """Return the step after which senders know that there is a policy."""
        then = "From now on senders hold mail that they cannot send as the policy asks."
        if publication.policy.mode is Mode.TESTING:
            then = "No mail is held in mode testing: senders report what they would have held."
        return PublishingStep(
            name="announce",
            title="Publish the records: there is a policy, and reports are wanted",
            first=f"By now the policy is served: {self._site.url}",
            parts=(self._records(publication, "into the zone"),),
            verify=(self._compare(publication), self._check),
            then=f"{_mailboxes(publication)}{then}",
            publication=publication,
        )

    def enforce(self, publication: Publication) -> PublishingStep:
        """Return the step after which mail is protected."""
        max_age = span(publication.policy.max_age)
        return self._replace(
            publication,
            name="enforce",
            title=f"Enforce the policy, with a max_age of {max_age}",
            first=REPORTS,
            then=(
                "From now on senders hold mail rather than send it where others could read it. A"
                " mistake is over when they see another id; for one that does not look, in"
                f" {max_age}."
            ),
        )

    def lengthen(self, publication: Publication) -> PublishingStep:
        """Return the step after which senders keep the policy for long."""
        max_age = span(publication.policy.max_age)
        return self._replace(
            publication,
            name="lengthen",
            title=f"Have senders keep the policy for {max_age}",
            first=(
                "Go on when reports have named no failure for a week or two, and when you know how"
                " each certificate is renewed: of every MX host, and of the policy host."
            ),
            then=(
                f"That is all. To keep a sender from the policy now takes {max_age} without a look."
                f" See from time to time whether all is well: {self._check}"
            ),
        )

    def change(self, publication: Publication) -> PublishingStep:
        """Return the step after which another policy is out there, as was asked for."""
        policy = publication.policy
        return self._replace(
            publication,
            name="change",
            title=f"Publish the policy in mode {policy.mode}, with a max_age of"
            f" {span(policy.max_age)}",
        )

    # -- other MX hosts ---------------------------------------------------------------------------

    def name_hosts(
        self, publication: Publication, new: tuple[str, ...], outside: tuple[str, ...], age: float
    ) -> PublishingStep:
        """Return the step after which the policy names the hosts to be, beside those of today.

        Mail goes to those `outside` the policy already; it was kept by senders for `age` seconds.
        """
        span_of_age = span(age + self._ttl)
        first = "The new hosts need their certificates now, each for its own name."
        then = (
            f"Wait {span_of_age} before mail moves: the max_age of the policy before, which some"
            " sender may keep for so long, and the time in which DNS forgets the old record."
        )
        if outside and publication.policy.mode is Mode.ENFORCE:
            first = (
                f"Senders that have the policy hold mail for {', '.join(outside)} now. If that can"
                " be, have the MX records name only the hosts that were there before, until this"
                " step is done."
            )
            then = (
                f"For {span_of_age} some sender may keep to the policy before: its max_age, and the"
                " time in which DNS forgets the old record."
            )
        if publication.policy.mode is Mode.TESTING:
            then = "In mode testing no mail is held: it may move now."
        return self._replace(
            publication,
            name="name-hosts",
            title=f"Have the policy name {', '.join(new)}",
            first=first,
            then=then,
        )

    def move_mail(self, new: tuple[str, ...], age: float) -> PublishingStep:
        """Return the step after which mail goes to the new hosts."""
        named = ", ".join(new)
        records = (
            f"; MX records of the hosts that {host} is for"
            if host.startswith("*.")
            else ZoneRecord(self._domain, "MX", f"10 {host}.").line
            for host in new
        )
        text = "".join(f"{line}\n" for line in records)
        return PublishingStep(
            name="move-mail",
            title=f"Move mail to {named}",
            first=f"By now the policy has named {named} for {span(age + self._ttl)}.",
            parts=(
                Part(kind="zone", title="into the zone, in place of the MX records", text=text),
            ),
            verify=(f"dig +short MX {self._domain}", self._check),
            then="Wait for the TTL of the MX records before, and until their hosts get no mail.",
        )

    def drop_hosts(self, publication: Publication, old: tuple[str, ...]) -> PublishingStep:
        """Return the step after which the policy names no host that gets no mail."""
        return self._replace(
            publication,
            name="drop-hosts",
            title=f"Have the policy name {', '.join(old)} no more",
            first=(
                "By now no MX record has led there for longer than its TTL. If mail is still to"
                " move there, leave the policy as it is until it has."
            ),
        )

    # -- and back ---------------------------------------------------------------------------------

    def withdraw(self, publication: Publication, age: float | None, fault: str) -> PublishingStep:
        """Return the step after which the policy asks for nothing (RFC 8461 §8.3)."""
        wait = "for the max_age that it had" if age is None else span(age + self._ttl)
        return self._replace(
            publication,
            name="withdraw",
            title="Publish a policy in mode none",
            first=f"Senders must get it, and get none now: {fault}." if fault else "",
            then=(
                f"Wait {wait}, or longer if an earlier policy had a longer max_age: for so long"
                " some sender may keep to it. Meanwhile the record, the policy file, the web server"
                " and its certificate stay."
            ),
        )

    def remove_record(self, age: float | None) -> PublishingStep:
        """Return the step after which no sender asks any more."""
        since = "the longest max_age that a policy of the domain ever had"
        if age is not None:
            since = span(age + self._ttl)
        return PublishingStep(
            name="remove-record",
            removes=True,
            title="Remove the record",
            first=f"By now the policy has been in mode none for {since}.",
            parts=(
                Part(
                    kind="zone",
                    title="out of the zone",
                    text=f"; remove: _mta-sts.{self._domain}. TXT\n",
                ),
            ),
            verify=(self._dig,),
            then=(
                f"_smtp._tls.{self._domain} may stay: reports tell of TLS without a policy as well."
            ),
        )

    def remove_file(self, none_age: float) -> PublishingStep:
        """Return the step after which nothing is left."""
        site = self._site
        return PublishingStep(
            name="remove-file",
            removes=True,
            title="Remove the policy file, the web server's part and the name",
            first=f"By now the record has been gone for {span(none_age + self._ttl)}.",
            parts=(
                Part(kind="shell", title="on the policy host", text=f"rm {site.file}\n"),
                Part(
                    kind="zone",
                    title="out of the zone",
                    text=f"; remove: {site.name}. A, AAAA, CNAME\n",
                ),
            ),
            verify=(f"dig +short {site.name}",),
        )

    # -- what steps have in common ----------------------------------------------------------------

    def _replace(
        self,
        publication: Publication,
        *,
        name: str,
        title: str,
        first: str = "",
        then: str = "",
    ) -> PublishingStep:
        """Return a step that replaces a policy: the file first, and then the id."""
        return PublishingStep(
            name=name,
            title=title,
            first=first,
            parts=(
                self._policy_file(publication),
                self._records(publication, "and then into the zone, the new id"),
            ),
            verify=(self._compare(publication), self._check),
            then=then,
            publication=publication,
        )

    def _policy_file(self, publication: Publication) -> Part:
        """Return the commands that put a policy file into place, which is never there by half."""
        directory, _, name = self._site.file.rpartition("/")
        lines = " \\\n    ".join(map(shlex.quote, publication.policy.lines))
        # The directory may be one that others can write, such as the web server: root follows no
        # link that they have made there. With `set -C` a file is made that was not there.
        return Part(
            kind="shell",
            title="the policy file, on the policy host",
            text=(
                f"(umask 022 && mkdir -p {directory} && cd {directory} &&\n"
                f"rm -f {name}.new && set -C && printf '%s\\r\\n' \\\n    {lines} \\\n"
                f"    > {name}.new && mv {name}.new {name})\n"
            ),
        )

    def _records(self, publication: Publication, title: str) -> Part:
        """Return the records that are new: two of one kind would count for nothing."""
        records = [publication.policy_record]
        there = bool(self._observed.record.texts)
        if self._reports != set(publication.reports):
            records.append(publication.report_record)
            there = there or bool(self._observed.reports.texts)
        return _zone(f"{title}, in place of what is there" if there else title, *records)

    def _servers(self) -> Iterator[Part]:
        for kind, write in WEB_SERVERS.items():
            text = write(self._site)
            yield Part(kind=kind, title=f"{kind}, for {self._site.name}", text=text)

    def _address(self) -> tuple[Part, ...]:
        """Return what the zone must have for the policy host, unless it has that."""
        name, host = self._site.name, self._observed.policy_host
        if self._alias:
            if host.alias_of == self._alias:
                return ()
            alias = ZoneRecord(name, "CNAME", f"{self._alias}.")
            return (_zone("into the zone, the name of the policy host", alias),)
        if host.addresses:
            return ()
        lines = (
            "; the addresses of your web server, or its name; in place of these examples",
            f";{ZoneRecord(name, 'A', '192.0.2.1').line}",
            f";{ZoneRecord(name, 'AAAA', '2001:db8::1').line}",
            f";{ZoneRecord(name, 'CNAME', f'www.{self._domain}.').line}",
        )
        text = "".join(f"{line}\n" for line in lines)
        return (Part(kind="zone", title="into the zone, the name of the policy host", text=text),)

    def _compare(self, publication: Publication) -> str:
        """Return the command that compares what is out there with this, and with nothing else."""
        policy = publication.policy
        words = [
            *("mtasts-resolver", "publish", "--verify", self._domain),
            *("--mode", policy.mode.value, "--max-age", str(policy.max_age)),
            *("--id", publication.policy_id),
            *(word for mx in policy.mx for word in ("--mx", mx)),
        ]
        return shlex.join(words)


def _zone(title: str, *records: ZoneRecord) -> Part:
    text = "".join(f"{record.line}\n" for record in records)
    return Part(kind="zone", title=title, text=text)


def _mailboxes(publication: Publication) -> str:
    boxes = [
        uri.removeprefix("mailto:") for uri in publication.reports if uri.startswith("mailto:")
    ]
    return f"Reports come daily: see that {', '.join(boxes)} takes mail.\n" if boxes else ""
