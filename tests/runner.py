"""click's runner, which keeps standard error apart in every version that we know."""

import inspect
from typing import Any

from click import testing

# Before click 8.2, which Debian 13 has not, it does so on request alone.
_APART: dict[str, Any] = (
    {"mix_stderr": False} if "mix_stderr" in inspect.signature(testing.CliRunner).parameters else {}
)


class CliRunner(testing.CliRunner):
    def __init__(self) -> None:
        super().__init__(**_APART)
