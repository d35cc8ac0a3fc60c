"""Databases with a standby in another data centre: who leads, what a failover loses, how it is brought back."""
