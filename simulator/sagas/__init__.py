"""Orchestrated sagas: the pods they live in, what the orchestrator knows of them, and the console `sagactl`."""
