"""Patroni: an agent on every node of a database, the leader's key in etcd, and the console `patronictl`."""
