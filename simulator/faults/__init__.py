"""Faults that can be brought into a running world. `chaos` is their console."""
