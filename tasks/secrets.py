"""Secrets from Prefect Secret blocks, for connections that name one."""

from typing import Any

from prefect.blocks.system import Secret

from tasks.connections.settings import read_blocks_with


def read_block(name: str) -> str:
    """A Secret block's value. Raises `ValueError` where there is no such block."""
    block: Any = Secret.load(name)
    return str(block.get())


read_blocks_with(read_block)
