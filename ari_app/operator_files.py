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
from ari_app.trunks_file import load_trunks

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Files:
    """What they say; of one that is not named: no trunks, the shipped plans, no nodes."""

    trunks: tuple[Trunk, ...] = ()
    plans: Plans = field(default_factory=shipped)
    nodes: tuple[NodeSpec, ...] = ()


def read_files(s: Settings) -> Files:
    """Raises Mistakes."""
    found: list[Mistake] = []

    def read(file: str, load: Callable[[str], T], without: T) -> T:
        try:
            return load(file) if file else without
        except Mistakes as e:
            found.extend(e.found)
            return without

    files = Files(
        trunks=read(s.trunks_file, lambda file: load_trunks(file, embedded=s.is_embedded), ()),
        plans=read(s.plans_file, lambda file: load_plans(file, margin_s=s.margin_s), shipped()),
        nodes=read(s.nodes_file, lambda file: load_nodes(file, s), ()),
    )
    if found:
        raise Mistakes(found)
    return files
