"""Looking at who may write what the daemon trusts: real files, of real users."""

import os
import pwd
from pathlib import Path

import pytest

from mtasts_resolver.config import Config
from mtasts_resolver.doctor.hostlook import _look_at_rights

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of two users")


def test_what_another_user_owns_is_told_and_nobodys_home_is_taken(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    home = tmp_path / "home"
    home.mkdir()
    file = home / "my config.yaml"
    file.write_text("")
    store = tmp_path / "store/policies.db"
    assert not any(right.open_to for right in _look_at_rights(Config(), file, store))
    for path in (home, file):
        os.chown(path, nobody, nobody)
    rights = {right.path: right for right in _look_at_rights(Config(), file, store)}
    assert rights[str(file)].open_to == rights[str(home)].open_to == "user nobody"
    assert rights[str(file)].command == f"chown root '{file}'"
    assert rights[str(home)].command == ""
    file.chmod(0o600)
    rights = {right.path: right for right in _look_at_rights(Config(), file, store)}
    assert (rights[str(file)].open_to, rights[str(file)].command) == ("user nobody", "")
