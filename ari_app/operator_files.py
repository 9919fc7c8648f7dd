"""The files beside the settings, carriers, plans and nodes, read together: the mistakes of all are told at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ari_app.config import Settings
from ari_app.config.mistakes import Mistake, Mistakes
from ari_app.domain.plans import Plans
from ari_app.domain.trunks import Trunk
from ari_app.nodes_file import NodeSpec, load_nodes
from ari_app.plans_file import load_plans, shipped
from ari_app.trunks_file import Read, read_trunks

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Files:
    """What they say; of one that is not named: no trunks, the shipped plans, no nodes."""

    trunks: tuple[Trunk, ...] = ()
    plans: Plans = field(default_factory=shipped)
    nodes: tuple[NodeSpec, ...] = ()
    warnings: tuple[Mistake, ...] = ()


def load_carriers(s: Settings, file: str) -> tuple[Trunk, ...]:
    """Of a trunks file, as this installation reads it. Raises Mistakes."""
    return read_carriers(s, file).trunks


def read_carriers(s: Settings, file: str) -> Read:
    """Likewise, with the warnings."""
    return read_trunks(file, embedded=s.is_embedded, timezone=s.timezone)


def read_files(s: Settings) -> Files:
    """Raises Mistakes."""
    found: list[Mistake] = []

    def read(file: str, load: Callable[[str], T], without: T) -> T:
        try:
            return load(file) if file else without
        except Mistakes as e:
            found.extend(e.found)
            return without

    carriers = read(s.trunks_file, lambda file: read_carriers(s, file), Read(()))
    files = Files(
        trunks=carriers.trunks,
        plans=read(s.plans_file, lambda file: load_plans(file, margin_s=s.margin_s), shipped()),
        nodes=read(s.nodes_file, lambda file: load_nodes(file, s), ()),
        warnings=carriers.warnings,
    )
    if found:
        raise Mistakes(found)
    return files
