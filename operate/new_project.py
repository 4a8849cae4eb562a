"""Writing a project of a user's own: a description, two stacks, the program, a test, and what git must not take.

The project uses Slipway from where it is: ``.slipway`` is a link to that checkout, made anew on another machine
(the project's README says how). Not here: deploying it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from operate.errors import OperateError

SLIPWAY: Final = Path(__file__).resolve().parent.parent
"""The checkout that this is."""
STARTER: Final = "starter"
LINK: Final = ".slipway"
_NAME: Final = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_LOWEST, _HIGHEST = 1, 65_535


class CannotInit(OperateError):  # noqa: N818 - named as what it reports
    """The folder is taken, or an answer can't be."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a project is made of."""

    name: str
    """The platform's name, and the project's."""
    template: str = STARTER
    """A blueprint of Slipway's."""
    port: int = 8080
    """Port of 127.0.0.1 in dev; the starter's alone."""
    domain: str = ""
    """Host name in prod, with HTTPS by Let's Encrypt; the starter's alone. Empty: HTTP on port 80."""
    email: str = ""
    """Where Let's Encrypt writes to."""


def templates() -> list[str]:
    """Return the blueprints that a project can begin with, the starter first."""
    names = sorted(path.stem for path in (SLIPWAY / "blueprints").glob("*.yaml"))
    return sorted(names, key=lambda name: name != STARTER)


def check(answers: Answers) -> None:
    """Refuse answers that can't be.

    Raises:
        CannotInit: With what is allowed.
    """
    if not _NAME.fullmatch(answers.name):
        raise CannotInit(
            f"'{answers.name}' can't name a platform\n"
            "  allowed: lower-case letters, digits, hyphens, a letter first, at most 40 characters"
        )
    if answers.template not in templates():
        raise CannotInit(f"there is no template '{answers.template}'\n  allowed: {', '.join(templates())}")
    if not _LOWEST <= answers.port <= _HIGHEST:
        raise CannotInit(f"{answers.port} is no port\n  allowed: {_LOWEST} to {_HIGHEST}")
    if answers.domain and not _HOST.fullmatch(answers.domain):
        raise CannotInit(f"'{answers.domain}' is no host name\n  allowed: such as app.example.org")
    if answers.domain and not _EMAIL.fullmatch(answers.email):
        raise CannotInit("Let's Encrypt needs an e-mail address to write to\n  fix: --email you@example.org")
    if answers.template != STARTER and (answers.domain or answers.port != Answers.port):
        raise CannotInit(
            f"template {answers.template} has its own addresses\n"
            f"  fix: leave --domain and --port out, and edit blueprints/{answers.name}.yaml"
        )


def write_project(folder: Path, answers: Answers) -> list[str]:
    """Write a project and return the files that it has.

    Raises:
        CannotInit: An answer can't be, or the folder holds something already.
    """
    check(answers)
    if folder.exists() and any(path.name != ".git" for path in folder.iterdir()):
        raise CannotInit(f"{folder} is not empty\n  fix: name a folder that does not exist yet")
    files = _files(answers)
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (folder / "slipway").chmod(0o755)
        (folder / LINK).symlink_to(SLIPWAY)
        (folder / "images").symlink_to(f"{LINK}/images")
    except OSError as error:
        raise CannotInit(f"can't write {folder}: {error.strerror}") from error
    return sorted(files)


def _files(answers: Answers) -> dict[str, str]:
    return {
        "Pulumi.yaml": _PULUMI.format(name=answers.name),
        "Pulumi.dev.yaml": _stack(answers, "dev", _dev(answers)),
        "Pulumi.prod.yaml": _stack(answers, "prod", _prod(answers)),
        f"blueprints/{answers.name}.yaml": _blueprint(answers),
        "__main__.py": _program(),
        "pytest.ini": _PYTEST,
        "tests/test_platform.py": _TEST,
        ".gitignore": _IGNORED,
        "slipway": _COMMAND,
        "README.md": _README.format(name=answers.name, template=answers.template),
    }


def _blueprint(answers: Answers) -> str:
    text = (SLIPWAY / "blueprints" / f"{answers.template}.yaml").read_text(encoding="utf-8")
    text = text.replace("$schema=../docs/", f"$schema=../{LINK}/docs/", 1)
    return re.sub(r"^name: .*$", f"name: {answers.name}", text, count=1, flags=re.MULTILINE)


def _stack(answers: Answers, environment: str, overrides: str) -> str:
    head = f"config:\n  slipway:blueprint: {answers.name}\n  slipway:environment: {environment}\n"
    return head + (f"  slipway:overrides:\n{overrides}" if overrides else "")


def _dev(answers: Answers) -> str:
    return "" if answers.port == Answers.port else f'    gateway: {{publish: "127.0.0.1:{answers.port}"}}\n'


def _prod(answers: Answers) -> str:
    if not answers.domain:
        return ""
    return _HTTPS.format(domain=answers.domain, email=answers.email)


def _program() -> str:
    """Return Slipway's own program, which finds Slipway by the link."""
    text = (SLIPWAY / "__main__.py").read_text(encoding="utf-8")
    own = f'sys.path.insert(0, str(Path(__file__).resolve().parent / "{LINK}"))\n\n'
    first = "from components."
    return text.replace("import os\n", "import os\nimport sys\n", 1).replace(first, own + first, 1)


_PULUMI: Final = """\
name: {name}
description: A self-hosted AI platform on Slipway.
main: .
runtime:
  name: python
  options:
    toolchain: pip
    virtualenv: .slipway/.venv
"""
_HTTPS: Final = """\
    gateway:
      publish: "0.0.0.0:80"
      hosts: [{domain}]
      tls:
        mode: acme
        publish: "0.0.0.0:443"
        hosts: [{domain}]
        acme: {{email: {email}, agree_terms: true}}
"""
_PYTEST: Final = """\
[pytest]
pythonpath = .slipway
testpaths = tests
"""
_TEST: Final = '''\
"""What this platform promises, checked in milliseconds and without Docker: .slipway/docs/testing.md."""

import pytest

from testing import Graph, render_stack


@pytest.fixture(scope="module", params=["dev", "prod"])
def graph(request: pytest.FixtureRequest) -> Graph:
    """Return the graph of each stack."""
    return render_stack(request.param, config={"overrides": {"images": {"family": "official"}}})


def test_no_secret_stands_in_the_open(graph: Graph) -> None:
    """Not in an environment, a command, a label or an output."""
    assert graph.leaks() == ()


def test_every_container_is_bounded(graph: Graph) -> None:
    """One that eats the host's memory takes all others with it."""
    for container in graph.of_type("Container"):
        if container.labels().get("slipway.role") in {"replica", "server"}:
            assert container.inputs["memory"] > 0


def test_production_data_are_protected(graph: Graph) -> None:
    """Nothing deletes them by accident."""
    kept = [item for item in graph.of_type("Volume") if item.options.protect]
    assert bool(kept) is (graph.stack == "prod")
'''
_IGNORED: Final = """\
.slipway
images
.state/
__pycache__/
.pytest_cache/
"""
_COMMAND: Final = """\
#!/bin/sh
# Slipway's command for this project.
here=$(dirname "$(readlink -f "$0")")
exec "$here/.slipway/slipway" --project "$here" "$@"
"""
_README: Final = """\
# {name}

A platform on Slipway, begun from its template `{template}`. What it is stands in `blueprints/{name}.yaml`; what each
stack does otherwise, and its encrypted secrets, in `Pulumi.dev.yaml` and `Pulumi.prod.yaml`.

```sh
./slipway preview                    # what a deployment would do; it says first what is missing
./slipway up                         # the stack dev
./slipway up --stack prod
./slipway status
.slipway/scripts/bootstrap --dev --no-docker && .slipway/.venv/bin/pytest   # what this platform promises
```

On another machine, after `git clone`: `ln -s /path/to/slipway .slipway && ln -s .slipway/images images`. Secrets are
encrypted with the passphrase in `.state/passphrase`: keep a copy of it elsewhere.
"""
