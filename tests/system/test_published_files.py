"""What `publish` shows to be copied does what it says, in a real shell."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from mtasts_resolver.policy import parse_document
from mtasts_resolver.published.publication import WELL_KNOWN, PolicySite, Wishes, find_way
from tests.unit.published.publication.seen import DAY, NOW, document, domain

MX = "mx.example.com"


@pytest.mark.parametrize(
    "more",
    [
        "",
        "quoted: it's\r\n",
        "command: $(touch x) `touch x`;touch x\r\n",
        "escaped: \\n %s \\\\\r\n",
    ],
)
def test_the_commands_put_the_policy_file_into_place(tmp_path: Path, more: str) -> None:
    site = PolicySite(domain="example.com", root=str(tmp_path), certificate="/a", key="/b")
    served = document("enforce", MX, max_age=7 * DAY) + more
    lengthened = find_way(domain(MX, policy=served), Wishes(), site, NOW).steps[0]
    (commands,) = [part.text for part in lengthened.parts if part.kind == "shell"]
    path = tmp_path / WELL_KNOWN
    for _ in range(2):  # once into nothing, once in place of another
        subprocess.run(["sh", "-euc", commands], check=True, cwd=tmp_path, umask=0o077)
        assert path.read_bytes() == served.encode()
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
        assert [each.name for each in path.parent.iterdir()] == ["mta-sts.txt"]
        assert parse_document(path.read_bytes()).max_age == 7 * DAY
        path.write_text("another")


@pytest.mark.threat("web-root-link")
@pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
def test_root_follows_no_link_that_the_web_server_has_made(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    site = PolicySite(domain="example.com", root=f"{tmp_path}/web", certificate="/a", key="/b")
    served = document("enforce", MX, max_age=7 * DAY)
    step = find_way(domain(MX, policy=served), Wishes(), site, NOW).steps[0]
    (commands,) = [part.text for part in step.parts if part.kind == "shell"]
    victim, other = tmp_path / "victim", tmp_path / "directory"
    victim.write_text("whole")
    victim.chmod(0o600)
    other.mkdir(mode=0o700)
    path = tmp_path / "web" / WELL_KNOWN
    path.parent.mkdir(parents=True)
    for name in (path, path.with_name("mta-sts.txt.new")):
        name.symlink_to(victim)
    subprocess.run([shell, "-c", commands], check=True, cwd=tmp_path)
    assert path.read_bytes() == served.encode()
    assert not path.is_symlink()
    assert (victim.read_text(), stat.S_IMODE(victim.stat().st_mode)) == ("whole", 0o600)
    shutil.rmtree(path.parent)
    path.parent.symlink_to(other)
    subprocess.run([shell, "-c", commands], check=True, cwd=tmp_path)
    assert stat.S_IMODE(other.stat().st_mode) == 0o700
