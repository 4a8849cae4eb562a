"""From an exception to what the user reads, and the exit code. Only an error of Slipway itself shows a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Final

import click

from cli.console import error
from cli.exit_codes import ExitCode
from operate.errors import OperateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LATE: Final[Mapping[str, Mapping[str, ExitCode | None]]] = {
    # Errors of modules that a command may never have imported: found by name, so that none is imported to ask.
    "settings.problems": {"SettingsError": ExitCode.USAGE},
    "engine.errors": {"EngineError": None},
    "operate.image_build": {"ImageBuildError": ExitCode.FAILED},
    "operate.image_family": {"MachineFileError": ExitCode.USAGE},
    "docker.errors": {"DockerException": ExitCode.FAILED},
}
_REPORT: Final = "this is an error in slipway itself: please report it with the lines above (they hold no secrets that \
slipway knows of; look through them once more)"


def run_reporting(body: Callable[[], object]) -> int:
    """Run a command and return its exit code; every failure is told to the user here."""
    try:
        ended = body()
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        error("cancelled")
        return ExitCode.CANCELLED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); keep Python from complaining about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except Exception as failure:  # noqa: BLE001 - the last place where anything can be told
        return _tell(failure)
    return ended if isinstance(ended, int) else ExitCode.OK  # click hands an early end's code back as a result


def _tell(failure: Exception) -> int:
    code = expected_code(failure)
    if code is not None:
        error(str(failure))
        return code
    traceback.print_exception(failure)
    error(_REPORT)
    return ExitCode.BUG


def expected_code(failure: Exception) -> int | None:
    """Return the exit code of an error that is the user's to mend; ``None`` for any other."""
    if isinstance(failure, OperateError):
        return failure.exit_code
    for module, names in _LATE.items():
        loaded = sys.modules.get(module)
        for name, code in names.items():
            kind = getattr(loaded, name, None)
            if isinstance(kind, type) and isinstance(failure, kind):
                return int(getattr(failure, "exit_code", ExitCode.FAILED) if code is None else code)
    return None
