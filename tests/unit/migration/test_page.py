"""The manual's page on migration says what the command does."""

from pathlib import Path

import pytest

from mtasts_resolver.migration.programs import PROGRAMS, TheirProgram, rules_table

PAGE = (Path(__file__).parents[3] / "docs" / "migration.md").read_text("utf-8")


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=lambda program: program.name)
def test_the_page_has_the_table_of_what_becomes_of_each_key(program: TheirProgram) -> None:
    section = PAGE.partition(f"\n## From {program.name}\n")[2].partition("\n## ")[0]
    assert "\n".join(rules_table(program)) in section, "\n" + "\n".join(rules_table(program))


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=lambda program: program.name)
def test_no_key_has_two_rules(program: TheirProgram) -> None:
    patterns = [pattern for rule in program.rules for pattern in rule.theirs]
    assert len(patterns) == len(set(patterns))
