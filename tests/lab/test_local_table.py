"""The example of a local table, as a real Postfix obeys it."""

import shutil

import pytest

from .lab import Lab
from .namespace import ROOT
from .pki import unknown_ca_file
from .postfix import Sender

pytestmark = pytest.mark.lab

EXAMPLE = (ROOT / "postfix-examples" / "tls_policy").read_text()
CA_FILE = "/etc/postfix/branch-ca.pem"


@pytest.mark.parametrize("sender", [Sender.LOCAL_TABLE, Sender.LOCAL_TABLE_CHROOTED])
def test_a_ca_of_our_own_verifies_where_the_table_names_it(steady_lab: Lab, sender: Sender) -> None:
    ca_file = unknown_ca_file(steady_lab.directory / "certificates")
    jail = steady_lab.postfix.queue / ca_file.parent.relative_to("/")
    jail.mkdir(parents=True, exist_ok=True)
    shutil.copy(ca_file, jail)
    assert f"[relay.branch.example]:587   verify tafile={CA_FILE}\n" in EXAMPLE
    table = EXAMPLE.replace("[relay.branch.example]:587", "untrusted.example")
    steady_lab.postfix.local_table.write_text(table.replace(CA_FILE, str(ca_file)))
    delivery = steady_lab.postfix.send("untrusted.example", sender)
    assert delivery.status == "sent"
    assert delivery.said("Verified TLS connection established to untrusted.mx.example")
