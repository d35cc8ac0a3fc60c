"""The PostgreSQL room: one database's tables, its `pg_*` views, `psql` and PgBouncer's admin console.

What a player changes is data in `state.PostgresState`; SQL runs on an SQLite view that is built for
one statement and thrown away. Nothing here opens a socket, a file or a process.
"""
