"""What the simulated carrier asks of a customer that it does not believe by address alone: to register and to place
calls with name and password, over udp, tcp or tls; sound may come encrypted. Off by default. Starts nothing."""

import shutil
import subprocess
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from ari_app.stack.errors import StackError
from ari_app.stack.pjsip import Section, text_of
from ari_app.stack.transports import TLS

HEAD = "; Written by Ringbridge: changes made here are lost.\n"
MODULES = ("res_pjsip_registrar.so", "res_crypto.so", "res_srtp.so")
CONTACTS = 10  # one for each transport that a test registers over, and some to spare
_OPENSSL_ASKS = {
    "-newkey": "ec",
    "-pkeyopt": "ec_paramgen_curve:P-256",
    "-days": "3650",
    "-subj": "/CN=simulated-carrier",
    "-addext": "subjectAltName=IP:127.0.0.1,DNS:localhost",
}


@dataclass(frozen=True, slots=True)
class Customer:
    username: str
    password: str = field(repr=False)


def customer_files(customer: Customer | None, home: Path, tls_port: int) -> dict[str, str]:
    """The files that the carrier's own configuration includes; they say nothing where there is no customer."""
    if customer is None:
        return {"pjsip_customer.conf": HEAD, "modules_customer.conf": HEAD}
    login = (("auth_type", "digest"), ("username", customer.username), ("password", customer.password))
    tls = (
        ("protocol", "tls"),
        ("bind", f"127.0.0.1:{tls_port}"),
        ("method", TLS),
        ("cert_file", str(certificate_of(home))),
        ("priv_key_file", str(_key_of(home))),
    )
    sections = [
        Section("customer", "auth", login),
        Section(customer.username, "aor", (("max_contacts", str(CONTACTS)), ("remove_existing", "yes"))),
        Section("loopback-tls", "transport", tls),
    ]
    endpoint = (  # more of the section in pjsip.conf
        f"\n[platform](+)\nauth = customer\naors = {customer.username}\n"
        "media_encryption = sdes\nmedia_encryption_optimistic = yes\n"
    )
    return {
        "pjsip_customer.conf": HEAD + text_of(sections) + endpoint,
        "modules_customer.conf": HEAD + "".join(f"require = {module}\n" for module in MODULES),
    }


def certificate_of(home: Path) -> Path:
    """Of the carrier whose directory is `home`. It vouches for itself: whoever trusts this file trusts this carrier."""
    return home / "etc/carrier.crt"


def make_certificate(home: Path) -> None:
    """Once; for 127.0.0.1 and localhost, ten years. Raises StackError where openssl is not to be had."""
    certificate, key = certificate_of(home), _key_of(home)
    if certificate.exists():
        return
    openssl = shutil.which("openssl")
    if openssl is None:
        raise StackError("the simulated carrier needs openssl for its certificate: install openssl")
    fresh = certificate.with_suffix(".new")
    asks = {**_OPENSSL_ASKS, "-keyout": str(key), "-out": str(fresh)}
    done = subprocess.run(
        [openssl, "req", "-x509", "-nodes", *chain.from_iterable(asks.items())],
        capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode != 0:
        raise StackError(f"openssl made no certificate: {done.stderr.strip()[-300:]}")
    fresh.replace(certificate)


def _key_of(home: Path) -> Path:
    return home / "etc/carrier.key"
