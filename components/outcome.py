"""Whether a one-shot container succeeded: what the provider does not ask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

import pulumi
import pulumi_docker as docker

_TAIL: Final = 30


def success_of(
    container: docker.Container, what: str, secrets: Iterable[pulumi.Input[str]] = ()
) -> pulumi.Output[pulumi.Resource]:
    """Promise a one-shot container once it has ended with exit code 0.

    Args:
        container: A container made with ``one_shot=True``.
        what: How the error names it, such as ``job migrate``.
        secrets: Values to black out in its output.

    Raises:
        pulumi.RunError: When the promise is awaited during a deployment and the exit code was another.
    """

    def judge(known: Mapping[str, Any]) -> pulumi.Resource:
        code = known["exit_code"]
        if code:
            text = failure_text(what, int(code), known["logs"] or "", known["secrets"], known["urn"])
            if not pulumi.runtime.is_dry_run():
                raise pulumi.RunError(text)
            pulumi.log.warn(f"in the last deployment, {text}", container)
        return container

    return pulumi.Output.unsecret(
        pulumi.Output.all(
            exit_code=container.exit_code,
            logs=container.container_logs,
            secrets=pulumi.Output.all(*secrets),
            urn=container.urn,
        ).apply(judge)
    )


def failure_text(what: str, code: int, logs: str, secrets: Sequence[str], urn: str) -> str:
    """Say that a one-shot container failed, with the end of its output and how to run it again."""
    for secret in sorted({form for value in secrets for form in _forms(value) if form}, key=len, reverse=True):
        logs = logs.replace(secret, "[secret]")
    lines = logs.rstrip().splitlines()
    tail = "\n".join(f"  {line}" for line in lines[-_TAIL:]) or "  (it printed nothing)"
    return (
        f"{what} failed with exit code {code}. The end of its output:\n{tail}\n"
        f"Mend it and deploy again; to run it again unchanged: slipway up, or pulumi up --replace '{urn}'"
    )


def _forms(secret: str) -> Iterator[str]:
    """Yield what a program may print of a secret: all of it, a line of it, the password of a URL."""
    for line in (secret, *secret.splitlines()):
        yield line
        # Not urlsplit: it refuses some texts, and what a database calls a URL need not be one.
        if match := re.match(r"[a-z][a-z0-9+.-]*://[^:@/\s]*:([^@/\s]+)@", line):
            yield match[1]
            yield unquote(match[1])
