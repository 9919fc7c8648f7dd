"""The calls of a node that nobody owns and whose PBX is gone for good: taken up once more, and ended. Knows a node."""

from __future__ import annotations

import asyncio

from ari_app.domain.errors import Unavailable
from ari_app.engine.node import Node

ENDS_WITHIN_S = 10.0
LOOK_S = 0.05


async def end_calls(node: Node) -> bool:
    """Of a node made with a PBX that says it is empty. False: a process has it. Raises Unavailable where not all are
    ended and written down in time: asked again, it goes on."""
    if not await node.take():
        return False
    life = asyncio.create_task(node.run())
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            while not _is_empty(node):
                if life.done():
                    await life
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise Unavailable("its calls are not ended yet") from None
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await node.leave()
    return True


def _is_empty(node: Node) -> bool:
    return node.engine is not None and node.engine.sees_pbx and node.engine.is_empty
