-- One message is one transaction, and leaves none open where it fails.
set local transaction_read_only = on;
set local statement_timeout = 2000;
set local lock_timeout = 500;
set local search_path = pg_catalog;
with session as materialized (
    select pid, application_name, state, query, wait_event_type,
        extract(epoch from clock_timestamp() - xact_start)::float8 as open_for,
        case when state like 'idle in transaction%'
            then extract(epoch from clock_timestamp() - state_change)::float8 end as idle_for,
        extract(epoch from clock_timestamp() - query_start)::float8 as asked_for
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
), waiting as materialized (
    select pid, pg_blocking_pids(pid) as blockers, coalesce((
            -- The column is there since version 14.
            select max(extract(epoch from clock_timestamp() - (to_jsonb(l) ->> 'waitstart')::timestamptz))::float8
            from pg_locks l where l.pid = session.pid and not l.granted
        ), asked_for) as waits_for
    from session
    where wait_event_type = 'Lock'
), shown as materialized (
    select session.*, blockers, waits_for
    from session left join waiting using (pid)
    where open_for is not null
    order by waits_for is null, open_for desc
    limit 64
)
select
    current_setting('server_version_num')::int4 as version,
    pg_has_role('pg_read_all_stats', 'USAGE') as may_look,
    pg_is_in_recovery() as is_standby,
    current_setting('default_transaction_read_only') = 'on' as is_read_only,
    (select count(*) from session where query = '<insufficient privilege>') as hidden,
    (select max(open_for) from session) as longest_open,
    (select max(idle_for) from session) as longest_idle,
    (select count(*) from waiting) as waiting,
    (select max(waits_for) from waiting) as longest_wait,
    (select array_agg(pid) from shown) as pids,
    (select array_agg(open_for) from shown) as open_for,
    (select array_agg(coalesce(idle_for, -1)) from shown) as idle_for,
    (select array_agg(coalesce(waits_for, -1)) from shown) as waits_for,
    (select array_agg(array_to_string(blockers, ' ')) from shown) as blockers,
    (select array_agg(coalesce(application_name, '')) from shown) as applications,
    (select array_agg(coalesce(left(query, 500), '')) from shown) as statements,
    d.blks_hit, d.blks_hit + d.blks_read as blks_asked, d.deadlocks, d.xact_commit, d.xact_rollback,
    (to_jsonb(d) ->> 'checksum_failures')::int8 as checksum_failures,
    (select sum(numbackends)::int8 from pg_stat_database) as backends,
    current_setting('max_connections')::int8 as max_connections,
    current_setting('superuser_reserved_connections')::int8
        + coalesce(current_setting('reserved_connections', true), '0')::int8 as reserved,
    (select max(greatest(age(datfrozenxid), mxid_age(datminmxid)))::int8 from pg_database) as oldest,
    (select datname::text from pg_database order by greatest(age(datfrozenxid), mxid_age(datminmxid)) desc limit 1)
        as oldest_database,
    (select count(*) from pg_stat_replication) as senders,
    -- What only copies the log replays nothing. No lag is shown of a standby that has had nothing to do for a while.
    (select count(*) from pg_stat_replication where replay_lsn is not null) as standbys,
    (select max(coalesce(extract(epoch from replay_lag), 0))::float8 from pg_stat_replication
        where replay_lsn is not null) as standby_lag,
    case when pg_is_in_recovery() then pg_last_wal_receive_lsn() - '0/0'
        else pg_current_wal_lsn() - '0/0' end::text as written,
    case when pg_is_in_recovery() then pg_last_wal_replay_lsn() - '0/0'
        else (select min(replay_lsn) - '0/0' from pg_stat_replication where replay_lsn is not null) end::text as replayed,
    (select string_agg(application_name || ' (' || state || ', ' || sync_state || ')', ', ')
        from pg_stat_replication where replay_lsn is not null) as standby_names,
    exists (select from pg_stat_wal_receiver) as receives,
    extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as replayed_ago
from pg_stat_database d
where d.datname = current_database()
