"""Faults that can be brought into a running world: the catalogue behind `break`, and `chaos` with its older forms."""
