"""Policies as they leave a daemon and come to one, and answers without it."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from mtasts_resolver.control.values.domains import DomainFilter, ModeFilter, ModeName
from mtasts_resolver.postfix.reply import Status

# Of the format of an export: another where an older program could not read it any more.
EXPORT_VERSION: Literal[1] = 1
# What names the schema of this version, docs/cache-export.schema.json. No address: an address would
# have to stay ours for ever, and a UUID is nobody else's (RFC 9562 §4).
EXPORT_SCHEMA = "urn:uuid:1fc5258e-d5af-4165-a6ad-342e770362c1"

Time = Annotated[datetime, Meta(tz=True)]


class ExportedPolicy(Struct, frozen=True, kw_only=True):
    """A policy, with all that is needed to hold it elsewhere."""

    domain: Annotated[str, Meta(description="The policy domain, in A-label form.")]
    id: Annotated[str, Meta(description="The id of the policy record, when it was fetched.")]
    mode: Annotated[
        ModeName | None, Meta(description="For a reader: `document` says it, and counts.")
    ] = None
    fetched: Annotated[Time, Meta(description="When the policy was fetched.")]
    expires: Annotated[
        Time | None, Meta(description="For a reader: `fetched` and `document` say it, and count.")
    ] = None
    used: Annotated[Time | None, Meta(description="The last look-up.")] = None
    document: Annotated[str, Meta(description="The policy as it was served.")]


class CacheExport(Struct, frozen=True, kw_only=True):
    """Policies of a daemon, as `mtasts-resolver cache export` writes them."""

    schema: str = field(name="$schema", default=EXPORT_SCHEMA)
    version: Annotated[Literal[1], Meta(description="Of this format.")]
    program: str = ""
    exported: Time
    policies: tuple[ExportedPolicy, ...]


class Imported(Struct, frozen=True, kw_only=True):
    """What became of a policy that was brought."""

    domain: str
    outcome: Literal["imported", "known", "expired", "invalid", "refused"]
    """`known`: one that was fetched at the same time or later is held; `refused`: not now."""
    reason: str | None = None


class AnswersQuery(DomainFilter, frozen=True, kw_only=True):
    """In which map, and for which domains."""

    mode: ModeFilter = "all"
    map: Annotated[str, Meta(max_length=64)] = "default"


class KeyAnswer(Struct, frozen=True, kw_only=True):
    """What Postfix gets for a key."""

    key: str
    status: Status
    text: str
    """Of `OK`, what a table would hold."""
    expires: str | None = None
    """When the policy is over that it is made of, if there is one."""
