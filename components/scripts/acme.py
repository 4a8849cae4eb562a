# ruff: noqa: INP001 - a script that runs in another image
"""Keeps the certificates of the gateway's hosts; runs in the image of certbot, as nginx's user.

``placeholder``: each host has a certificate, so that nginx can start; where there is none, one that signs itself.
``issue``: each host has one of the authority, else it ends with certbot's message.
``renew``: the same for ever; renews what is due, tells the health check; SIGHUP renews all of them at once.

nginx reads ``live/<host>``, a link to a folder that never changes: certificate and key change in one step. A new text
in the file ``serial`` makes the gateway reload. What certbot itself keeps is in ``certbot``.

Not here: anything of the project. The text of this file is an argument of a container.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path("/var/lib/acme")
HEALTH = Path("/tmp/health")  # noqa: S108 - inside the container
BUNDLE = Path("/tmp/ca-bundle.pem")  # noqa: S108
WORK = "/tmp/certbot"  # noqa: S108
DAY_S = 86400
CERTBOT_S = 300
"""The longest that certbot may take for one certificate."""
SERVED_S = 30
"""The longest until the gateway serves a new certificate."""
RETRY_S = 3600
"""When a failed renewal is tried again, at the latest."""
FAILURES = 3
"""Failed attempts in a row of which the health check speaks."""
NONE_YET = "there is none yet"
PEM = serialization.Encoding.PEM
STOP = {signal.SIGTERM, signal.SIGINT}


class Keeper:
    """The certificates in one volume.

    Args:
        settings: ``hosts``, ``email``, ``directory``, ``gateway`` (``host:port``), ``check_every_s``,
            ``renew_before_s``, ``warn_before_s``; see ``settings.model.Acme``.
        root: The volume's folder.
        health: The file that the health check reads.
    """

    def __init__(self, settings: dict[str, Any], root: Path = ROOT, health: Path = HEALTH) -> None:
        self.settings = settings
        self.hosts: list[str] = settings["hosts"]
        self.root = root
        self.health = health

    def certificate(self, host: str) -> x509.Certificate | None:
        """Return the certificate that nginx reads for a host."""
        try:
            return x509.load_pem_x509_certificate((self.root / "live" / host / "fullchain.pem").read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def due(self, host: str) -> str | None:
        """Return why a certificate must be asked for, if it must."""
        found = self.certificate(host)
        if found is None or is_placeholder(found):
            return NONE_YET
        if self.state().get(host, {}).get("directory") != self.settings["directory"]:
            return "another authority is to be asked"
        if left_s(found) < min(self.settings["renew_before_s"], lifetime_s(found) / 3):
            return f"it ends in {left_s(found) / DAY_S:.1f} days"
        return None

    def placeholder(self) -> int:
        """Give each host without a certificate one that signs itself."""
        for name in ("www", "versions", "live", "certbot"):
            (self.root / name).mkdir(mode=0o700, exist_ok=True)
        for host in self.hosts:
            if self.certificate(host) is None:
                self.deploy(host, *self_signed(host))
                say(f"{host}: a placeholder, until there is a certificate")
        return 0

    def issue(self) -> int:
        """Obtain what is missing or due."""
        good = [self.obtain(host, why) if (why := self.due(host)) else self.is_served(host) for host in self.hosts]
        return 0 if all(good) else 1

    def renew(self) -> int:
        """Look after the certificates until told to stop."""
        signals = {*STOP, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        every_s = self.settings["check_every_s"]
        force = False
        while True:
            good = True
            self.tell_health()
            for host in self.hosts:
                why = "it was asked for" if force else self.due(host)
                good = (self.obtain(host, why) if why else self.is_served(host)) and good
                self.tell_health()
            wait_s = every_s if good else min(RETRY_S, every_s)
            say(f"next look in {wait_s:g} s")
            received = signal.sigtimedwait(signals, wait_s)
            if received is not None and received.si_signo in STOP:
                return 0
            force = received is not None

    def obtain(self, host: str, why: str) -> bool:
        """Ask the authority for a host's certificate, and make the gateway serve it. What fails changes nothing."""
        with (self.root / "lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the one that issues and the one that renews may meet
            return self._obtain(host, why)

    def is_served(self, host: str) -> bool:
        """Whether the gateway serves the certificate that there is; what it says if not is noted."""
        failures = self.state().get(host, {}).get("failures", 0)
        trouble = self.await_served(host)
        if trouble is not None:
            say(f"{host}: {trouble}")
        if trouble is not None or failures:
            self.note(host, failures=failures + 1 if trouble else 0, trouble=trouble or "")
        return trouble is None

    def _obtain(self, host: str, why: str) -> bool:
        directory = self.settings["directory"]
        say(f"{host}: asking {directory}: {why}")
        known = self.state().get(host, {})
        # Else certbot would go by its own idea of what is due; without one of ours, it may have one that we lost.
        trouble = self.certbot(host, force=why != NONE_YET)
        if trouble is None:
            lineage = self.root / "certbot" / "live" / host
            chain, key = ((lineage / name).read_text(encoding="utf-8") for name in ("fullchain.pem", "privkey.pem"))
            self.deploy(host, chain, key)
            self.note(host, directory=directory)
            trouble = self.await_served(host)
        if trouble is not None:
            self.note(host, failures=known.get("failures", 0) + 1, trouble=trouble)
            say(f"{host}: failed; what was served before is served on\n{trouble}")
            return False
        self.note(host, failures=0, trouble="")
        found = self.certificate(host)
        say(f"{host}: has a new certificate" + (f", until {ends(found):%Y-%m-%d}" if found else ""))
        return True

    def certbot(self, host: str, *, force: bool) -> str | None:
        """Run certbot for a host and return what it said if it failed."""
        command = [
            "certbot", "certonly", "--non-interactive", "--agree-tos", "--no-eff-email",
            "--email", self.settings["email"], "--server", self.settings["directory"],
            "--preferred-challenges", "http", "--webroot", "--webroot-path", str(self.root / "www"),
            "--domain", host, "--cert-name", host, "--key-type", "ecdsa",
            "--config-dir", str(self.root / "certbot"), "--work-dir", WORK, "--logs-dir", WORK,
            "--force-renewal" if force else "--keep-until-expiring",
        ]  # fmt: skip
        environment = {**os.environ, "HOME": "/tmp"}  # noqa: S108 - inside the container
        if BUNDLE.exists():
            environment["REQUESTS_CA_BUNDLE"] = str(BUNDLE)
        try:
            done = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=CERTBOT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"certbot did not end within {CERTBOT_S} s"
        return None if done.returncode == 0 else done.stdout.strip() or f"certbot ended with {done.returncode}"

    def deploy(self, host: str, chain: str, key: str) -> None:
        """Make a certificate the one that nginx reads, in one step, and tell the gateway."""
        name = f"{host}={hashlib.sha256((chain + key).encode()).hexdigest()[:16]}"
        versions, live = self.root / "versions", self.root / "live"
        if not (versions / name).exists():
            new = versions / f".{name}"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(mode=0o700)
            write(new / "fullchain.pem", chain)
            write(new / "privkey.pem", key)
            new.rename(versions / name)
        link = live / f".{host}"
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(Path("..") / "versions" / name)
        link.replace(live / host)
        write(self.root / "serial", f"{name} {time.time_ns()}\n")
        for other in versions.glob(f"{host}=*"):
            # nginx may be reading the one before at this moment.
            if other.name != name and time.time() - other.stat().st_mtime > DAY_S:
                shutil.rmtree(other)

    def await_served(self, host: str) -> str | None:
        """Wait until the gateway serves a host's certificate; return what is wrong if it does not."""
        found = self.certificate(host)
        wanted = found.public_bytes(serialization.Encoding.DER) if found else b""
        end = time.monotonic() + SERVED_S
        while served(self.settings["gateway"], host) != wanted:
            if time.monotonic() > end:
                return f"the gateway does not serve it after {SERVED_S} s; its log says why"
            time.sleep(0.25)
        return None

    def tell_health(self) -> None:
        """Write until when, in Unix seconds, all is well, and what there is to say."""
        until, lines = float(2**40), []
        state = self.state()
        for host in self.hosts:
            found, known = self.certificate(host), state.get(host, {})
            if found is None or is_placeholder(found):
                until = 0.0
                lines.append(f"{host}: has no certificate of the authority")
            else:
                warn_s = min(self.settings["warn_before_s"], lifetime_s(found) / 4)
                until = min(until, ends(found).timestamp() - warn_s)
                lines.append(f"{host}: until {ends(found):%Y-%m-%d %H:%M} UTC")
            if failures := known.get("failures", 0):
                lines.append(f"{host}: {failures} attempts failed: {' '.join(known['trouble'].split())[:500]}")
                until = until if failures < FAILURES else 0.0
        write(self.health, "\n".join((str(int(until)), *lines, "")))

    def state(self) -> dict[str, Any]:
        """Return what was noted of the hosts."""
        try:
            known: dict[str, Any] = json.loads((self.root / "state.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return known

    def note(self, host: str, **facts: Any) -> None:
        """Note something of a host."""
        state = self.state()
        state[host] = {**state.get(host, {}), **facts}
        write(self.root / "state.json", json.dumps(state))


def say(text: str) -> None:
    """Write a line of the log."""
    print(text, flush=True)  # noqa: T201 - the container's log


def write(path: Path, text: str) -> None:
    """Write a file that only its owner reads, all of it or nothing."""
    new = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def ends(found: x509.Certificate) -> dt.datetime:
    """Return when a certificate ends; older versions of cryptography say so without a time zone."""
    return getattr(found, "not_valid_after_utc", None) or found.not_valid_after.replace(tzinfo=dt.UTC)


def lifetime_s(found: x509.Certificate) -> float:
    """Return for how long a certificate is valid altogether."""
    start = getattr(found, "not_valid_before_utc", None) or found.not_valid_before.replace(tzinfo=dt.UTC)
    return float((ends(found) - start).total_seconds())


def left_s(found: x509.Certificate) -> float:
    """Return for how long a certificate is still valid."""
    return (ends(found) - dt.datetime.now(dt.UTC)).total_seconds()


def is_placeholder(found: x509.Certificate) -> bool:
    """Whether it signs itself."""
    return found.issuer == found.subject


def self_signed(host: str) -> tuple[str, str]:
    """Return a certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "placeholder of slipway")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return built.public_bytes(PEM).decode(), private.decode()


def served(address: str, host: str) -> bytes | None:
    """Return the certificate that a server shows for a host name, in DER."""
    name, _, port = address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what is asked is which one it shows
    try:
        with (
            socket.create_connection((name, int(port)), timeout=3) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return secure.getpeercert(binary_form=True)
    except OSError:
        return None


def main() -> int:
    """Do what the first argument says."""
    settings = json.loads(os.environ["SLIPWAY_ACME"])
    if settings.get("ca_bundle"):
        write(BUNDLE, settings["ca_bundle"])
    keeper = Keeper(settings)
    return {"placeholder": keeper.placeholder, "issue": keeper.issue, "renew": keeper.renew}[sys.argv[1]]()


if __name__ == "__main__":
    sys.exit(main())
