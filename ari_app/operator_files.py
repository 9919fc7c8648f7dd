"""The files beside the settings, carriers and plans, read together: the mistakes of all of them are told at once."""

from ari_app.config.mistakes import Mistake, Mistakes
from ari_app.domain.plans import Plans
from ari_app.domain.trunks import Trunk
from ari_app.plans_file import load_plans, shipped
from ari_app.trunks_file import load_trunks


def read_files(
    trunks_file: str, plans_file: str, *, is_embedded: bool, margin_s: int
) -> tuple[tuple[Trunk, ...], Plans]:
    """A file that is not named (""): no trunks, the shipped plans. Raises Mistakes."""
    trunks: tuple[Trunk, ...] = ()
    plans = shipped()
    found: list[Mistake] = []
    try:
        if trunks_file:
            trunks = load_trunks(trunks_file, embedded=is_embedded)
    except Mistakes as e:
        found += e.found
    try:
        if plans_file:
            plans = load_plans(plans_file, margin_s=margin_s)
    except Mistakes as e:
        found += e.found
    if found:
        raise Mistakes(found)
    return trunks, plans
