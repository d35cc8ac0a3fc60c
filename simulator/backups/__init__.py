"""Backups of databases: base backups, the archive of WAL, restores in place and beside, their consoles."""
