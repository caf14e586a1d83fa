set session group_concat_max_len = 1048576;
select convert(concat_ws(_utf8mb4 0x0a,
    concat('version=', version()),
    concat('max_connections=', @@global.max_connections),
    concat('read_only=', @@global.read_only),
    concat('rights=', (
        select group_concat(privilege_type)
        from information_schema.user_privileges
        where grantee = concat('''', left(current_user(), char_length(current_user()) - 1
                - char_length(substring_index(current_user(), '@', -1))),
            '''@''', substring_index(current_user(), '@', -1), '''')
    )),
    (
        select group_concat(concat(variable_name, '=', variable_value) separator 0x0a)
        from /*M! information_schema.global_status */ /*!80000 performance_schema.global_status */
        where variable_name in ('Threads_connected', 'Com_commit', 'Com_rollback',
            'Innodb_buffer_pool_read_requests', 'Innodb_buffer_pool_reads', 'Innodb_deadlocks',
            'Innodb_history_list_length', 'Innodb_row_lock_current_waits')
    )
) using utf8mb4)
