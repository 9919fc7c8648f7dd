"""What the engine and the entry points need of the world, as Protocols. One file a port; shapes, units and errors are
in their docstrings."""
