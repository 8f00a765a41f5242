"""What `report logs` does not take, before it reads anything."""

from pathlib import Path

import pytest

from mtasts_resolver.cli import main
from mtasts_resolver.cli.errors import CommandError
from mtasts_resolver.cli.files import written_file
from tests.runner import CliRunner


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--redact-key", "key"), "--redact-key goes with --redact"),
        (("--own-domain", "a.example"), "--own-domain goes with --control"),
        (("--no-smtp",), "--no-smtp goes with --control"),
        (("--trusted-server", "mx.a.example"), "--trusted-server goes with --tls-reports"),
        (("--write", "nowhere/report.html"), "there is no directory nowhere"),
    ],
)
def test_what_would_be_of_no_use(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mail.log").write_text("")
    result = CliRunner().invoke(main, ["report", "logs", "--elsewhere", *arguments, "mail.log"])
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_what_cannot_be_written_is_called_as_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as error, written_file(tmp_path / "gone" / "a.txt"):
        pass
    assert str(error.value) == f"{tmp_path}/gone/a.txt: No such file or directory"
