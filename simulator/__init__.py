"""The simulated world: commands in, observations out.

Pure and deterministic: nothing in this package reads a clock, a disk (except the data files of a
scenario, through `simulator.scenario`), a network or an environment variable, and nothing in it
knows of agents, HTTP or terminals.
"""

__version__ = "0.1.0"
