"""More than one installation of the program, and a unit that is not the one that came with it."""

from pathlib import Path

import pytest

from mtasts_resolver.doctor import units
from mtasts_resolver.doctor.installations import judge_programs, look_for_programs
from mtasts_resolver.doctor.units import SERVICE, SOCKET, SeenUnit, SeenUnits, judge_unit_files
from mtasts_resolver.findings import Severity


def install(directory: Path, leads_to: Path | None = None) -> Path:
    directory.mkdir(parents=True)
    file = directory / "mtasts-resolver"
    if leads_to is None:
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    else:
        file.symlink_to(leads_to)
    return file


def test_a_program_that_hides_another(tmp_path: Path) -> None:
    ours, by_hand = install(tmp_path / "usr/bin"), install(tmp_path / "opt")
    path = (f"{tmp_path}/local", f"{tmp_path}/usr/bin", f"{tmp_path}/bin")
    (tmp_path / "bin").symlink_to("usr/bin")  # as Debian's
    assert list(judge_programs(look_for_programs(path))) == []
    hiding = install(tmp_path / "local", by_hand)
    (finding,) = judge_programs(look_for_programs(path))
    assert (finding.about, finding.severity) == (str(hiding), Severity.WARNING)
    assert str(ours) in finding.found
    assert finding.commands == (f"rm {hiding}",)


@pytest.mark.parametrize("packaged", [True, False])
def test_a_unit_that_hides_the_one_that_came_with_the_program(
    packaged: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped, copied = tmp_path / "lib", tmp_path / "etc"
    for directory in (shipped, copied):
        directory.mkdir()
        for name in (SERVICE, SOCKET):
            (directory / name).write_text(f"[Unit]\nDescription={name}\n")
    monkeypatch.setattr(units, "_SHIPPED", (str(tmp_path / "none"), str(shipped)))
    monkeypatch.setattr(units, "PACKAGED", str(shipped) if packaged else "/nowhere")

    def judged() -> list[tuple[str, ...]]:
        service, socket = (seen_unit(name, copied / name) for name in (SERVICE, SOCKET))
        found = judge_unit_files(SeenUnits(service=service, socket=socket))
        return [finding.commands for finding in found]

    def replacing(name: str) -> tuple[str, ...]:
        hiding = copied / name
        take_away = f"rm {hiding}" if packaged else f"ln -sf {shipped / name} {hiding}"
        restart = (f"systemctl restart {name}",) if name == SERVICE else ()
        return (take_away, f"systemctl reenable {name}", *restart)

    assert judged() == ([replacing(SOCKET), replacing(SERVICE)] if packaged else [])
    (copied / SOCKET).unlink()
    (copied / SOCKET).symlink_to(shipped / SOCKET)
    (copied / SERVICE).write_text("[Service]\nExecStart=/opt/other\n")
    assert judged() == [replacing(SERVICE)]
    (copied / SERVICE).unlink()
    assert judged() == []
    (copied / SERVICE).symlink_to("/opt/gone")
    assert judged() == [replacing(SERVICE)]
    monkeypatch.setattr(units, "_SHIPPED", ())
    assert judged() == []


def seen_unit(name: str, file: Path) -> SeenUnit:
    shipped = units.shipped_unit(name, str(file))
    return SeenUnit(name=name, properties={}, file=str(file), shipped=shipped)
