"""The calls of a node that nobody owns and whose PBX is gone for good: taken up once more, and ended. Knows a node."""

from __future__ import annotations

import asyncio

from ari_app.engine.node import Node

ENDS_WITHIN_S = 10.0
LOOK_S = 0.05


async def end_calls(node: Node) -> bool:
    """Of a node made with a PBX that says it is empty. False: a process has it, or came for it. Raises Unavailable, and
    TimeoutError where not all are ended and written down in time: asked again, it goes on."""
    if not await node.take():
        return False
    reign = asyncio.create_task(node.rule_once())
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            while not _is_empty(node):
                if reign.done():
                    await reign
                    return False
                await asyncio.sleep(LOOK_S)
    finally:
        reign.cancel()
        await asyncio.gather(reign, return_exceptions=True)
        await node.leave()
    return True


def _is_empty(node: Node) -> bool:
    return node.engine is not None and node.engine.sees_pbx and node.engine.is_empty
