"""STIR/SHAKEN: how Asterisk is told to sign the calls of a trunk (stir_shaken.conf). Knows no other part of a trunk.

Asterisk looks the caller's number up among `tn` sections, one a number. A trunk's numbers are its users', so there are
none: `unknown_tn_attest_level` of the trunk's profile signs for every number that the trunk is asked to show."""

from collections.abc import Iterable, Iterator

from ari_app.domain.trunks import Trunk
from ari_app.stack.pjsip import Section, text_of

SHAKEN_FILE = "stir_shaken.conf"
SHAKEN_MODULES_FILE = "modules_shaken.conf"
MODULES = ("res_curl.so", "res_stir_shaken.so", "res_pjsip_stir_shaken.so")
HEAD = "; Written by Ringbridge from the trunks' settings: changes made here are lost.\n"


def profile_of(trunk: Trunk) -> str:
    return f"{trunk.name}-signed"


def render_shaken(trunks: Iterable[Trunk]) -> str:
    return HEAD + text_of(shaken_sections(trunks))


def shaken_sections(trunks: Iterable[Trunk]) -> Iterator[Section]:
    """Nothing where no trunk asks for it."""
    signing = [trunk for trunk in trunks if trunk.stir_shaken != "no"]
    if signing:
        # without it Asterisk signs nothing; each profile says the rest
        yield Section("attestation", "attestation", (("global_disable", "no"),))
        # calls that come in are not answered: whoever signed them does not matter
        yield Section("verification", "verification", (("global_disable", "yes"),))
    for trunk in signing:
        yield Section(profile_of(trunk), "profile", tuple(_profile(trunk)))


def shaken_modules(trunks: Iterable[Trunk]) -> str:
    """For modules.conf. Only where a trunk signs: without one they warn at each start that they do nothing."""
    wanted = any(trunk.stir_shaken != "no" for trunk in trunks)
    return HEAD + "".join(f"load = {module}\n" for module in MODULES if wanted)


def _profile(trunk: Trunk) -> Iterator[tuple[str, str]]:
    yield "endpoint_behavior", "attest"
    yield "private_key_file", trunk.stir_shaken_key
    yield "public_cert_url", trunk.stir_shaken_cert_url
    yield "attest_level", trunk.stir_shaken
    yield "unknown_tn_attest_level", trunk.stir_shaken
