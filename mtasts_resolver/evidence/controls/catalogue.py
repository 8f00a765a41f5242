"""The controls that a report can be made for, each with what it asks of the evidence.

What each demands is told in words of this project. The Information Security Manual is of the
Australian Signals Directorate; ISO/IEC 27001:2022 is not quoted.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from mtasts_resolver.evidence.controls import questions as ask
from mtasts_resolver.evidence.controls.material import Material
from mtasts_resolver.evidence.report import ControlEvidence

ControlQuestion = Callable[[Material], Iterable[ControlEvidence]]


class Control(Struct, frozen=True, kw_only=True):
    """One control of a standard."""

    id: str
    title: str
    demands: str
    """In plain words."""
    questions: tuple[ControlQuestion, ...]
    to_add: tuple[str, ...]
    """What no software shows."""


ISM_1589 = Control(
    id="ISM-1589",
    title="MTA-STS for mail between servers",
    demands=(
        "MTA-STS is in use, so that mail between mail servers is not sent unencrypted: for mail "
        "that the organisation sends, its servers heed the policies of those who publish one; for "
        "mail that it gets, its own domains publish one that is enforced."
    ),
    questions=(
        ask.postfix_asks_for_policies,
        ask.enforcing_domains_get_verified_mail,
        ask.own_domains_enforce,
        ask.policies_are_retrieved,
        ask.logs_are_complete,
    ),
    to_add=(
        (
            "A list of all domains that the organisation has mail for: those that were not named "
            "here were not looked at."
        ),
        (
            "A list of all servers that send or receive its mail, such as those of a provider or "
            "of a newsletter service: each needs its own evidence."
        ),
    ),
)

ISM_0572 = Control(
    id="ISM-0572",
    title="Opportunistic TLS",
    demands=(
        "Mail servers that are reached from, or reach out to, public networks use TLS wherever the "
        "other side has it, in both directions."
    ),
    questions=(
        ask.outgoing_tls_is_offered,
        ask.incoming_tls_is_offered,
        ask.logs_are_complete,
    ),
    to_add=(
        (
            "A list of all mail servers that have to do with public networks: this report is about "
            "those whose logs were read."
        ),
    ),
)

ISO_A_5_14 = Control(
    id="ISO-27001-A.5.14",
    title="Information transfer",
    demands=(
        "There are rules for how information is handed on, inside and outside, and they are kept: "
        "what is sent by mail is protected from being read or changed on its way, and it can be "
        "seen afterwards what went where."
    ),
    questions=(
        ask.outgoing_tls_is_offered,
        ask.incoming_tls_is_offered,
        ask.enforcing_domains_get_verified_mail,
        ask.plain_text_is_known,
        ask.nobody_strips_protection,
        ask.logs_are_complete,
    ),
    to_add=(
        (
            "The rule that says which information may be sent by mail, and to whom it may go where "
            "encryption cannot be had."
        ),
        "Agreements on the transfer with those that mail is exchanged with, where they matter.",
        "Records that show that staff know the rule.",
    ),
)

ISO_A_8_20 = Control(
    id="ISO-27001-A.8.20",
    title="Networks security",
    demands=(
        "Networks and what works in them are secured, managed and watched, so that information in "
        "systems and on its way is protected: set up right, kept current, logged, and looked at."
    ),
    questions=(
        ask.postfix_asks_for_policies,
        ask.set_up_is_sound,
        ask.nobody_strips_protection,
        ask.failures_are_known,
        ask.logs_are_complete,
    ),
    to_add=(
        "Who is responsible for the mail servers and the network, and how changes are approved.",
        "Drawings of the network, and what separates its parts.",
        "That logs are kept where whom they are about cannot change them, and who looks at alerts.",
    ),
)

ISO_A_8_24 = Control(
    id="ISO-27001-A.8.24",
    title="Use of cryptography",
    demands=(
        "There are rules for the use of cryptography and for its keys, and they are kept: versions "
        "and ciphers are sound, keys and certificates are looked after."
    ),
    questions=(
        ask.cryptography_is_sound,
        ask.certificates_are_kept,
        ask.enforcing_domains_get_verified_mail,
        ask.outgoing_tls_is_offered,
        ask.incoming_tls_is_offered,
        ask.logs_are_complete,
    ),
    to_add=(
        "The organisation's rule on cryptography: which methods and key lengths it allows.",
        "How private keys are made, kept, renewed and destroyed, and who has access.",
        "Laws and contracts that demand or forbid the use of cryptography.",
    ),
)

CONTROLS = (ISM_1589, ISM_0572, ISO_A_5_14, ISO_A_8_20, ISO_A_8_24)
