"""What the simulated carrier is told of a customer whom it asks for a password."""

import stat
from pathlib import Path

from ari_app.stack import Customer
from ari_app.stack.customer import certificate_of, customer_files, make_certificate


def test_by_default_it_asks_nobody_and_needs_nothing_more() -> None:
    for text in customer_files(None, Path("/x"), 5061).values():
        assert all(line.startswith(";") for line in text.splitlines())


def test_a_customer_is_challenged_and_may_encrypt_his_sound() -> None:
    files = customer_files(Customer("ring", "s;t"), Path("/x"), 5061)
    sip = files["pjsip_customer.conf"]
    assert "[platform](+)\nauth = customer\naors = ring\n" in sip
    assert "password = s\\;t\n" in sip
    assert "bind = 127.0.0.1:5061\n" in sip
    assert "require = res_srtp.so\n" in files["modules_customer.conf"]


def test_a_certificate_is_made_once_and_its_key_is_nobody_elses(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    make_certificate(tmp_path)
    first = certificate_of(tmp_path).read_text()
    make_certificate(tmp_path)
    assert certificate_of(tmp_path).read_text() == first
    assert stat.S_IMODE(certificate_of(tmp_path).with_suffix(".key").stat().st_mode) == 0o600
