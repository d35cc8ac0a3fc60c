"""Columns of the system views and catalogues, as PostgreSQL 15 lists them. Data only."""

from functools import lru_cache

from simulator.postgres.types import PgType, named

# Types by letter; a column is `name:letter`.
_LETTERS = {
    "o": "oid", "n": "name", "t": "text", "i": "integer", "s": "smallint", "b": "bigint", "B": "boolean",
    "z": "timestamp with time zone", "f": "double precision", "r": "real", "I": "inet", "x": "xid",
    "v": "interval", "l": "pg_lsn", "c": '"char"', "N": "numeric", "a": "text[]", "R": "regtype",
}  # fmt: skip

# Functions in FROM that give a view's rows.
FUNCTIONS = {
    "pg_control_checkpoint": "pg_control_checkpoint", "pg_control_system": "pg_control_system",
    "pg_show_all_settings": "pg_settings", "pg_lock_status": "pg_locks",
    "pg_get_replication_slots": "pg_replication_slots", "pg_stat_get_wal_receiver": "pg_stat_wal_receiver",
}  # fmt: skip

_TABLE = """
pg_stat_activity datid:o datname:n pid:i leader_pid:i usesysid:o usename:n application_name:t client_addr:I
 client_hostname:t client_port:i backend_start:z xact_start:z query_start:z state_change:z wait_event_type:t
 wait_event:t state:t backend_xid:x backend_xmin:x query_id:b query:t backend_type:t
pg_stat_database datid:o datname:n numbackends:i xact_commit:b xact_rollback:b blks_read:b blks_hit:b
 tup_returned:b tup_fetched:b tup_inserted:b tup_updated:b tup_deleted:b conflicts:b temp_files:b temp_bytes:b
 deadlocks:b checksum_failures:b checksum_last_failure:z blk_read_time:f blk_write_time:f session_time:f
 active_time:f idle_in_transaction_time:f sessions:b sessions_abandoned:b sessions_fatal:b sessions_killed:b
 stats_reset:z
pg_stat_statements userid:o dbid:o toplevel:B queryid:b query:t plans:b total_plan_time:f min_plan_time:f
 max_plan_time:f mean_plan_time:f stddev_plan_time:f calls:b total_exec_time:f min_exec_time:f max_exec_time:f
 mean_exec_time:f stddev_exec_time:f rows:b shared_blks_hit:b shared_blks_read:b shared_blks_dirtied:b
 shared_blks_written:b local_blks_hit:b local_blks_read:b local_blks_dirtied:b local_blks_written:b
 temp_blks_read:b temp_blks_written:b blk_read_time:f blk_write_time:f temp_blk_read_time:f
 temp_blk_write_time:f wal_records:b wal_fpi:b wal_bytes:N jit_functions:b jit_generation_time:f
 jit_inlining_count:b jit_inlining_time:f jit_optimization_count:b jit_optimization_time:f
 jit_emission_count:b jit_emission_time:f
pg_stat_statements_info dealloc:b stats_reset:z
pg_locks locktype:t database:o relation:o page:i tuple:s virtualxid:t transactionid:x classid:o objid:o
 objsubid:s virtualtransaction:t pid:i mode:t granted:B fastpath:B waitstart:z
pg_stat_user_tables relid:o schemaname:n relname:n seq_scan:b seq_tup_read:b idx_scan:b idx_tup_fetch:b
 n_tup_ins:b n_tup_upd:b n_tup_del:b n_tup_hot_upd:b n_live_tup:b n_dead_tup:b n_mod_since_analyze:b
 n_ins_since_vacuum:b last_vacuum:z last_autovacuum:z last_analyze:z last_autoanalyze:z vacuum_count:b
 autovacuum_count:b analyze_count:b autoanalyze_count:b
pg_stat_user_indexes relid:o indexrelid:o schemaname:n relname:n indexrelname:n idx_scan:b idx_tup_read:b
 idx_tup_fetch:b
pg_statio_user_tables relid:o schemaname:n relname:n heap_blks_read:b heap_blks_hit:b idx_blks_read:b
 idx_blks_hit:b toast_blks_read:b toast_blks_hit:b tidx_blks_read:b tidx_blks_hit:b
pg_settings name:t setting:t unit:t category:t short_desc:t extra_desc:t context:t vartype:t source:t
 min_val:t max_val:t enumvals:a boot_val:t reset_val:t sourcefile:t sourceline:i pending_restart:B
pg_stat_replication pid:i usesysid:o usename:n application_name:t client_addr:I client_hostname:t
 client_port:i backend_start:z backend_xmin:x state:t sent_lsn:l write_lsn:l flush_lsn:l replay_lsn:l
 write_lag:v flush_lag:v replay_lag:v sync_priority:i sync_state:t reply_time:z
pg_replication_slots slot_name:n plugin:n slot_type:t datoid:o database:n temporary:B active:B active_pid:i
 xmin:x catalog_xmin:x restart_lsn:l confirmed_flush_lsn:l wal_status:t safe_wal_size:b two_phase:B
pg_indexes schemaname:n tablename:n indexname:n tablespace:n indexdef:t
pg_tables schemaname:n tablename:n tableowner:n tablespace:n hasindexes:B hasrules:B hastriggers:B
 rowsecurity:B
pg_views schemaname:n viewname:n viewowner:n definition:t
pg_sequences schemaname:n sequencename:n sequenceowner:n data_type:t start_value:b min_value:b max_value:b
 increment_by:b cycle:B cache_size:b last_value:b
pg_class oid:o relname:n relnamespace:o reltype:o reloftype:o relowner:o relam:o relfilenode:o
 reltablespace:o relpages:i reltuples:r relallvisible:i reltoastrelid:o relhasindex:B relisshared:B
 relpersistence:c relkind:c relnatts:s relchecks:s relhasrules:B relhastriggers:B relhassubclass:B
 relrowsecurity:B relforcerowsecurity:B relispopulated:B relreplident:c relispartition:B relrewrite:o
 relfrozenxid:x relminmxid:x relacl:a reloptions:a relpartbound:t
pg_stat_bgwriter checkpoints_timed:b checkpoints_req:b checkpoint_write_time:f checkpoint_sync_time:f
 buffers_checkpoint:b buffers_clean:b maxwritten_clean:b buffers_backend:b buffers_backend_fsync:b
 buffers_alloc:b stats_reset:z
pg_stat_wal wal_records:b wal_fpi:b wal_bytes:N wal_buffers_full:b wal_write:b wal_sync:b wal_write_time:f
 wal_sync_time:f stats_reset:z
pg_control_checkpoint checkpoint_lsn:l redo_lsn:l redo_wal_file:t timeline_id:i prev_timeline_id:i
 full_page_writes:B next_xid:t next_oid:o next_multixact_id:x next_multi_offset:x oldest_xid:x oldest_xid_dbid:o
 oldest_active_xid:x oldest_multi_xid:x oldest_multi_dbid:o oldest_commit_ts_xid:x newest_commit_ts_xid:x
 checkpoint_time:z
pg_control_system pg_control_version:i catalog_version_no:i system_identifier:b pg_control_last_modified:z
pg_stat_archiver archived_count:b last_archived_wal:t last_archived_time:z failed_count:b last_failed_wal:t
 last_failed_time:z stats_reset:z
pg_database oid:o datname:n datdba:o encoding:i datlocprovider:c datistemplate:B datallowconn:B
 datconnlimit:i datfrozenxid:x datminmxid:x dattablespace:o datcollate:t datctype:t daticulocale:t
 datcollversion:t datacl:a
pg_roles rolname:n rolsuper:B rolinherit:B rolcreaterole:B rolcreatedb:B rolcanlogin:B rolreplication:B
 rolconnlimit:i rolpassword:t rolvaliduntil:z rolbypassrls:B rolconfig:a oid:o
pg_user usename:n usesysid:o usecreatedb:B usesuper:B userepl:B usebypassrls:B passwd:t valuntil:z
 useconfig:a
pg_namespace oid:o nspname:n nspowner:o nspacl:a
pg_attribute attrelid:o attname:n atttypid:o attstattarget:i attlen:s attnum:s attndims:i attcacheoff:i
 atttypmod:i attbyval:B attalign:c attstorage:c attcompression:c attnotnull:B atthasdef:B atthasmissing:B
 attidentity:c attgenerated:c attisdropped:B attislocal:B attinhcount:i attcollation:o
pg_index indexrelid:o indrelid:o indnatts:s indnkeyatts:s indisunique:B indnullsnotdistinct:B
 indisprimary:B indisexclusion:B indimmediate:B indisclustered:B indisvalid:B indcheckxmin:B indisready:B
 indislive:B indisreplident:B indkey:t
pg_constraint oid:o conname:n connamespace:o contype:c condeferrable:B condeferred:B convalidated:B
 conrelid:o contypid:o conindid:o conparentid:o confrelid:o confupdtype:c confdeltype:c confmatchtype:c
pg_type oid:o typname:n typnamespace:o typowner:o typlen:s typtype:c typcategory:c
pg_extension oid:o extname:n extowner:o extnamespace:o extrelocatable:B extversion:t
pg_stat_progress_vacuum pid:i datid:o datname:n relid:o phase:t heap_blks_total:b heap_blks_scanned:b
 heap_blks_vacuumed:b index_vacuum_count:b max_dead_tuples:b num_dead_tuples:b
pg_stat_progress_create_index pid:i datid:o datname:n relid:o index_relid:o command:t phase:t
 lockers_total:b lockers_done:b current_locker_pid:b blocks_total:b blocks_done:b tuples_total:b
 tuples_done:b partitions_total:b partitions_done:b
pg_stat_ssl pid:i ssl:B version:t cipher:t bits:i client_dn:t client_serial:N issuer_dn:t
pg_stat_wal_receiver pid:i status:t receive_start_lsn:l receive_start_tli:i written_lsn:l flushed_lsn:l received_tli:i
 last_msg_send_time:z last_msg_receipt_time:z latest_end_lsn:l latest_end_time:z slot_name:t
 sender_host:t sender_port:i conninfo:t
pg_stat_subscription subid:o subname:n pid:i relid:o received_lsn:l last_msg_send_time:z latest_end_lsn:l
pg_stats schemaname:n tablename:n attname:n inherited:B null_frac:r avg_width:i n_distinct:r most_common_vals:t
 most_common_freqs:a histogram_bounds:t correlation:r most_common_elems:t most_common_elem_freqs:a
 elem_count_histogram:a
pg_available_extensions name:n default_version:t installed_version:t comment:t
pg_stat_database_conflicts datid:o datname:n confl_tablespace:b confl_lock:b confl_snapshot:b confl_bufferpin:b
 confl_deadlock:b
pg_stat_slru name:t blks_zeroed:b blks_hit:b blks_read:b blks_written:b blks_exists:b flushes:b truncates:b
pg_stat_progress_analyze pid:i datid:o datname:n relid:o phase:t sample_blks_total:b sample_blks_scanned:b
pg_stat_progress_copy pid:i datid:o datname:n relid:o command:t type:t bytes_processed:b tuples_processed:b
pg_hba_file_rules line_number:i type:t database:a user_name:a address:t netmask:t auth_method:t options:a error:t
pg_file_settings sourcefile:t sourceline:i seqno:i name:t setting:t applied:B error:t
pg_timezone_names name:t abbrev:t utc_offset:v is_dst:B
pg_stat_user_functions funcid:o schemaname:n funcname:n calls:b total_time:f self_time:f
pg_cursors name:t statement:t is_holdable:B is_binary:B is_scrollable:B creation_time:z
pg_prepared_statements name:t statement:t prepare_time:z parameter_types:a from_sql:B
pg_trigger oid:o tgrelid:o tgname:n tgenabled:c tgisinternal:B
pg_publication oid:o pubname:n pubowner:o puballtables:B
pg_stat_progress_basebackup pid:i phase:t backup_total:b backup_streamed:b
pg_prepared_xacts transaction:x gid:t prepared:z owner:n database:n
information_schema.tables table_catalog:n table_schema:n table_name:n table_type:t
 self_referencing_column_name:n reference_generation:t user_defined_type_catalog:n
 user_defined_type_schema:n user_defined_type_name:n is_insertable_into:t is_typed:t commit_action:t
information_schema.columns table_catalog:n table_schema:n table_name:n column_name:n ordinal_position:i
 column_default:t is_nullable:t data_type:t character_maximum_length:i character_octet_length:i
 numeric_precision:i numeric_precision_radix:i numeric_scale:i datetime_precision:i udt_catalog:n
 udt_schema:n udt_name:n is_identity:t is_generated:t is_updatable:t
information_schema.table_constraints constraint_catalog:n constraint_schema:n constraint_name:n
 table_catalog:n table_schema:n table_name:n constraint_type:t is_deferrable:t initially_deferred:t
 enforced:t nulls_distinct:t
"""
ALIASES = {
    "pg_stat_all_tables": "pg_stat_user_tables", "pg_stat_all_indexes": "pg_stat_user_indexes",
    "pg_statio_all_tables": "pg_statio_user_tables",
}  # fmt: skip


@lru_cache(maxsize=1)
def view_columns() -> dict[str, dict[str, PgType]]:
    """Columns with types of every view."""
    found: dict[str, dict[str, PgType]] = {}
    for block in _TABLE.strip().replace("\n ", " ").splitlines():
        name, *columns = block.split()
        found[name] = {}
        for column in columns:
            label, _, letter = column.partition(":")
            kind = named(_LETTERS[letter])
            assert kind is not None
            found[name][label] = kind
    return found
