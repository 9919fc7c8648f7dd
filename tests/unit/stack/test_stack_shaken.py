"""What Asterisk is told of trunks that sign their calls, and of those that do not."""

from typing import Literal

from ari_app.domain.trunks import Trunk
from ari_app.stack.shaken import render_shaken, shaken_modules, shaken_sections
from ari_app.stack.transports import OurEnd
from ari_app.stack.trunks import trunk_sections


def signing(name: str, level: Literal["A", "B", "C"]) -> Trunk:
    url = f"https://certs.example.net/{name}.pem"
    return Trunk(name, "h", stir_shaken=level, stir_shaken_key=f"/etc/{name}.key", stir_shaken_cert_url=url)


def test_where_no_trunk_signs_nothing_is_loaded_and_nothing_said() -> None:
    trunks = [Trunk("a", "h")]
    assert "[" not in render_shaken(trunks)
    assert "load" not in shaken_modules(trunks)
    [endpoint, *_] = trunk_sections(trunks[0], OurEnd())
    assert endpoint.get("stir_shaken_profile") is None


def test_each_trunk_signs_every_number_that_it_shows_by_its_own_key_and_level() -> None:
    trunks = [signing("north", "A"), Trunk("plain", "h"), signing("south", "C")]
    by_name = {section.name: section for section in shaken_sections(trunks)}
    assert by_name["attestation"].get("global_disable") == "no"
    for trunk, level in ((trunks[0], "A"), (trunks[2], "C")):
        [endpoint, *_] = trunk_sections(trunk, OurEnd())
        profile = by_name[endpoint.get("stir_shaken_profile") or ""]
        assert profile.kind == "profile"
        assert profile.get("endpoint_behavior") == "attest"
        assert profile.get("unknown_tn_attest_level") == profile.get("attest_level") == level
        assert profile.get("private_key_file") == trunk.stir_shaken_key
        assert profile.get("public_cert_url") == trunk.stir_shaken_cert_url
    assert "res_pjsip_stir_shaken.so" in shaken_modules(trunks)
