"""Stores without a leader: how many nodes a write and a read wait for, and what a partition cost."""
