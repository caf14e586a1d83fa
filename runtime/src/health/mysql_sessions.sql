-- InnoDB gives times in the time zone of the system.
set session time_zone = 'SYSTEM', session group_concat_max_len = 1048576;
select
    convert(max(open_for) using utf8mb4) as longest_open,
    convert(max(idle_for) using utf8mb4) as longest_idle,
    convert(max(waits_for) using utf8mb4) as longest_wait,
    convert(count(waits_for) using utf8mb4) as waiting,
    (select convert(max(count) using utf8mb4) from information_schema.innodb_metrics where name = 'lock_deadlocks')
        as deadlocks,
    (select convert(max(count) using utf8mb4) from information_schema.innodb_metrics where name = 'trx_rseg_history_len')
        as history_length,
    convert(substring_index(group_concat(
        concat_ws(_utf8mb4 0x1f, id, open_for, coalesce(idle_for, ''), coalesce(waits_for, ''), coalesce(blockers, ''), statement)
        order by waits_for is null, open_for desc separator 0x1e
    ), _utf8mb4 0x1e, 64) using utf8mb4) as shown
from (
    select p.id,
        timestampdiff(second, t.trx_started, now()) as open_for,
        case when p.command = 'Sleep' then p.time end as idle_for,
        timestampdiff(second, t.trx_wait_started, now()) as waits_for,
        /*M! (
            select group_concat(distinct b.trx_mysql_thread_id separator ' ')
            from information_schema.innodb_lock_waits w
            join information_schema.innodb_trx b on b.trx_id = w.blocking_trx_id
            where w.requesting_trx_id = t.trx_id
        ) */ /*!80000 null */ as blockers,
        replace(left(coalesce(t.trx_query, p.info, ''), 500), _utf8mb4 0x1e, ' ') as statement
    from information_schema.innodb_trx t
    join information_schema.processlist p on p.id = t.trx_mysql_thread_id
    where p.db = database() and p.id <> connection_id()
) as seen
