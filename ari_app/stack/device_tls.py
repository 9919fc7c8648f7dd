"""The PBX's own end of TLS for devices: a transport with a certificate of its own, self-made once where none is named.

The trunks' transport is another one: it proves nothing, as no call comes in over it. Starts nothing.
"""

import shutil
import subprocess
from itertools import chain
from pathlib import Path

from ari_app.stack.errors import StackError
from ari_app.stack.pjsip import Section, text_of
from ari_app.stack.transports import TLS

FILE = "pjsip_devices.conf"
HEAD = "; Written by Ringbridge: how devices reach this PBX over TLS. Changes made here are lost.\n"
TRANSPORT = "transport-devices-tls"
DAYS = 3650


def transport_text(bind: str, certificate: Path, key: Path) -> str:
    values = (
        ("protocol", "tls"), ("bind", bind), ("method", TLS),
        ("cert_file", str(certificate)), ("priv_key_file", str(key)),
    )  # fmt: skip
    return HEAD + text_of([Section(TRANSPORT, "transport", values)])


def own_certificate(home: Path) -> Path:
    """Of the PBX whose directory is `home`; a phone that trusts this file trusts this PBX. Its key stands beside it."""
    return home / "etc/devices.crt"


def key_of(certificate: Path) -> Path:
    return certificate.with_suffix(".key")


def make_own_certificate(home: Path, host: str) -> bool:
    """Once. False where openssl is not to be had: then no device speaks TLS. Raises StackError where it fails."""
    certificate = own_certificate(home)
    if certificate.exists():
        return True
    openssl = shutil.which("openssl")
    if openssl is None:
        return False
    fresh = certificate.with_suffix(".new")
    names = f"IP:127.0.0.1,DNS:localhost{_named(host)}"
    asks = {
        "-newkey": "ec", "-pkeyopt": "ec_paramgen_curve:P-256", "-days": str(DAYS), "-subj": "/CN=ringbridge",
        "-addext": f"subjectAltName={names}", "-keyout": str(key_of(certificate)), "-out": str(fresh),
    }  # fmt: skip
    done = subprocess.run(
        [openssl, "req", "-x509", "-nodes", *chain.from_iterable(asks.items())],
        capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, umask=0o077,
    )  # fmt: skip
    if done.returncode != 0:
        raise StackError(f"openssl made no certificate: {done.stderr.strip()[-300:]}")
    fresh.replace(certificate)
    return True


def _named(host: str) -> str:
    if not host or host in ("127.0.0.1", "localhost"):
        return ""
    is_address = host.replace(".", "").isdigit() or ":" in host
    return f",{'IP' if is_address else 'DNS'}:{host}"
