//! Maps the error numbers of MySQL and MariaDB. Their SQLSTATEs distinguish little: most are HY000.
//!
//! <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
//! <https://mariadb.com/kb/en/mariadb-error-code-reference/>

use super::category::Advice;
use super::category::words::*;

/// The SQLSTATE of a serialization failure.
pub(crate) const SERIALIZATION_FAILURE: &str = "40001";

/// An error number, its name and its verdict.
pub(crate) type Row = (u16, &'static str, Advice);

/// The errors that a client can meet in a transaction, sorted by number.
pub(crate) const NUMBERS: &[Row] = &[
    (1007, "ER_DB_CREATE_EXISTS", QUERY),
    (1020, "ER_CHECKREAD", SERIALIZATION),
    (1021, "ER_DISK_FULL", RESOURCES),
    (1022, "ER_DUP_KEY", UNIQUE),
    (1024, "ER_ERROR_ON_READ", RESOURCES),
    (1026, "ER_ERROR_ON_WRITE", RESOURCES),
    (1030, "ER_GET_ERRNO", RESOURCES),
    (1032, "ER_KEY_NOT_FOUND", NOT_FOUND),
    (1034, "ER_NOT_KEYFILE", RESOURCES),
    (1036, "ER_OPEN_AS_READONLY", STATE),
    (1037, "ER_OUTOFMEMORY", RESOURCES),
    (1038, "ER_OUT_OF_SORTMEMORY", RESOURCES),
    (1040, "ER_CON_COUNT_ERROR", TOO_MANY),
    (1041, "ER_OUT_OF_RESOURCES", RESOURCES),
    (1042, "ER_BAD_HOST_ERROR", CONNECTION.elsewhere()),
    (1043, "ER_HANDSHAKE_ERROR", CONNECTION.elsewhere()),
    (1044, "ER_DBACCESS_DENIED_ERROR", PERMISSION),
    (1045, "ER_ACCESS_DENIED_ERROR", PERMISSION),
    (1046, "ER_NO_DB_ERROR", QUERY),
    (1047, "ER_UNKNOWN_COM_ERROR", QUERY),
    (1048, "ER_BAD_NULL_ERROR", NOT_NULL),
    (1049, "ER_BAD_DB_ERROR", NO_SUCH_SERVER),
    (1050, "ER_TABLE_EXISTS_ERROR", QUERY),
    (1051, "ER_BAD_TABLE_ERROR", QUERY),
    (1052, "ER_NON_UNIQ_ERROR", QUERY),
    (1053, "ER_SERVER_SHUTDOWN", RESTART),
    (1054, "ER_BAD_FIELD_ERROR", QUERY),
    (1055, "ER_WRONG_FIELD_WITH_GROUP", QUERY),
    (1058, "ER_WRONG_VALUE_COUNT", QUERY),
    (1062, "ER_DUP_ENTRY", UNIQUE),
    (1064, "ER_PARSE_ERROR", QUERY),
    (1066, "ER_NONUNIQ_TABLE", QUERY),
    (1077, "ER_NORMAL_SHUTDOWN", RESTART),
    (1093, "ER_UPDATE_TABLE_USED", QUERY),
    (1095, "ER_KILL_DENIED_ERROR", PERMISSION),
    (1099, "ER_TABLE_NOT_LOCKED_FOR_WRITE", STATE),
    (1100, "ER_TABLE_NOT_LOCKED", STATE),
    (1105, "ER_UNKNOWN_ERROR", UNKNOWN),
    (1109, "ER_UNKNOWN_TABLE", QUERY),
    (1114, "ER_RECORD_FILE_FULL", RESOURCES),
    (1118, "ER_TOO_BIG_ROWSIZE", DATA),
    (1129, "ER_HOST_IS_BLOCKED", NO_SUCH_SERVER),
    (1130, "ER_HOST_NOT_PRIVILEGED", PERMISSION),
    (1135, "ER_CANT_CREATE_THREAD", RESOURCES),
    (1136, "ER_WRONG_VALUE_COUNT_ON_ROW", QUERY),
    (1138, "ER_INVALID_USE_OF_NULL", DATA),
    (1141, "ER_NONEXISTING_GRANT", PERMISSION),
    (1142, "ER_TABLEACCESS_DENIED_ERROR", PERMISSION),
    (1143, "ER_COLUMNACCESS_DENIED_ERROR", PERMISSION),
    (1146, "ER_NO_SUCH_TABLE", QUERY),
    (1147, "ER_NONEXISTING_TABLE_GRANT", PERMISSION),
    (1149, "ER_SYNTAX_ERROR", QUERY),
    (1152, "ER_ABORTING_CONNECTION", CONNECTION),
    // The server closes the connection.
    (1153, "ER_NET_PACKET_TOO_LARGE", DATA.lost()),
    (1154, "ER_NET_READ_ERROR_FROM_PIPE", CONNECTION.elsewhere()),
    (1155, "ER_NET_FCNTL_ERROR", CONNECTION.elsewhere()),
    (1156, "ER_NET_PACKETS_OUT_OF_ORDER", CONNECTION.elsewhere()),
    (1157, "ER_NET_UNCOMPRESS_ERROR", CONNECTION.elsewhere()),
    (1158, "ER_NET_READ_ERROR", CONNECTION.elsewhere()),
    (1159, "ER_NET_READ_INTERRUPTED", IDLE_TIMEOUT),
    (1160, "ER_NET_ERROR_ON_WRITE", CONNECTION.elsewhere()),
    (1161, "ER_NET_WRITE_INTERRUPTED", CONNECTION.elsewhere()),
    (1169, "ER_DUP_UNIQUE", UNIQUE),
    (1172, "ER_TOO_MANY_ROWS", QUERY),
    (1179, "ER_CANT_DO_THIS_DURING_AN_TRANSACTION", STATE),
    (1180, "ER_ERROR_DURING_COMMIT", UNKNOWN_OUTCOME),
    (1181, "ER_ERROR_DURING_ROLLBACK", ABORTED),
    (1184, "ER_NEW_ABORTING_CONNECTION", CONNECTION),
    (1192, "ER_LOCK_OR_ACTIVE_TRANSACTION", STATE),
    (1193, "ER_UNKNOWN_SYSTEM_VARIABLE", QUERY),
    (1194, "ER_CRASHED_ON_USAGE", RESOURCES),
    (1195, "ER_CRASHED_ON_REPAIR", RESOURCES),
    (1197, "ER_TRANS_CACHE_FULL", RESOURCES),
    (1203, "ER_TOO_MANY_USER_CONNECTIONS", TOO_MANY),
    (1205, "ER_LOCK_WAIT_TIMEOUT", LOCK_TIMEOUT),
    (1206, "ER_LOCK_TABLE_FULL", RESOURCES),
    (1210, "ER_WRONG_ARGUMENTS", QUERY),
    (1213, "ER_LOCK_DEADLOCK", DEADLOCK),
    (1216, "ER_NO_REFERENCED_ROW", FOREIGN_KEY),
    (1217, "ER_ROW_IS_REFERENCED", FOREIGN_KEY),
    (1223, "ER_CANT_UPDATE_WITH_READLOCK", STATE),
    (1226, "ER_USER_LIMIT_REACHED", TOO_MANY),
    (1227, "ER_SPECIFIC_ACCESS_DENIED_ERROR", PERMISSION),
    (1231, "ER_WRONG_VALUE_FOR_VAR", QUERY),
    (1235, "ER_NOT_SUPPORTED_YET", QUERY),
    (1242, "ER_SUBQUERY_NO_1_ROW", QUERY),
    (1243, "ER_UNKNOWN_STMT_HANDLER", STALE),
    (1264, "ER_WARN_DATA_OUT_OF_RANGE", DATA),
    (1265, "WARN_DATA_TRUNCATED", DATA),
    (1290, "ER_OPTION_PREVENTS_STATEMENT", STATE),
    (1292, "ER_TRUNCATED_WRONG_VALUE", DATA),
    (1295, "ER_UNSUPPORTED_PS", QUERY),
    (1300, "ER_INVALID_CHARACTER_STRING", DATA),
    (1304, "ER_SP_ALREADY_EXISTS", QUERY),
    (1305, "ER_SP_DOES_NOT_EXIST", QUERY),
    (1317, "ER_QUERY_INTERRUPTED", CANCELED),
    (1329, "ER_SP_FETCH_NO_DATA", NOT_FOUND),
    (1364, "ER_NO_DEFAULT_FOR_FIELD", NOT_NULL),
    (1365, "ER_DIVISION_BY_ZERO", DATA),
    (1366, "ER_TRUNCATED_WRONG_VALUE_FOR_FIELD", DATA),
    (1369, "ER_VIEW_CHECK_FAILED", CHECK),
    (1370, "ER_PROCACCESS_DENIED_ERROR", PERMISSION),
    (1399, "ER_XAER_RMFAIL", STATE),
    (1400, "ER_XAER_OUTSIDE", STATE),
    (1402, "ER_XA_RBROLLBACK", ROLLED_BACK),
    (1406, "ER_DATA_TOO_LONG", DATA),
    (1412, "ER_TABLE_DEF_CHANGED", CHANGED),
    (1422, "ER_COMMIT_NOT_ALLOWED_IN_SF_OR_TRG", STATE),
    (1423, "ER_NO_DEFAULT_FOR_VIEW_FIELD", NOT_NULL),
    (1442, "ER_CANT_UPDATE_USED_TABLE_IN_SF_OR_TRG", QUERY),
    (1451, "ER_ROW_IS_REFERENCED_2", FOREIGN_KEY),
    (1452, "ER_NO_REFERENCED_ROW_2", FOREIGN_KEY),
    (1461, "ER_MAX_PREPARED_STMT_COUNT_REACHED", RESOURCES),
    (1467, "ER_AUTOINC_READ_FAILED", RESOURCES),
    (1525, "ER_WRONG_VALUE", DATA),
    (1568, "ER_CANT_CHANGE_TX_CHARACTERISTICS", STATE),
    (1586, "ER_DUP_ENTRY_WITH_KEY_NAME", UNIQUE),
    (1613, "ER_XA_RBTIMEOUT", ROLLED_BACK),
    (1614, "ER_XA_RBDEADLOCK", DEADLOCK),
    (1615, "ER_NEED_REPREPARE", STALE),
    (1637, "ER_TOO_MANY_CONCURRENT_TRXS", TOO_MANY),
    (1643, "ER_SIGNAL_NOT_FOUND", NOT_FOUND),
    (1644, "ER_SIGNAL_EXCEPTION", DATA),
    (1689, "ER_LOCK_ABORTED", LOCK_TIMEOUT),
    (1690, "ER_DATA_OUT_OF_RANGE", DATA),
    (1698, "ER_ACCESS_DENIED_NO_PASSWORD_ERROR", PERMISSION),
    (
        1761,
        "ER_FOREIGN_DUPLICATE_KEY_WITH_CHILD_INFO",
        FOREIGN_KEY,
    ),
    (
        1762,
        "ER_FOREIGN_DUPLICATE_KEY_WITHOUT_CHILD_INFO",
        FOREIGN_KEY,
    ),
    (1792, "ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION", STATE),
    (1815, "ER_INTERNAL_ERROR", UNKNOWN),
    (1820, "ER_MUST_CHANGE_PASSWORD", PERMISSION),
    (1836, "ER_READ_ONLY_MODE", READ_ONLY),
    (1859, "ER_DUP_UNKNOWN_IN_INDEX", UNIQUE),
    (1862, "ER_MUST_CHANGE_PASSWORD_LOGIN", PERMISSION),
    (1927, "ER_CONNECTION_KILLED", CONNECTION),
    (1969, "ER_STATEMENT_TIMEOUT", STATEMENT_TIMEOUT),
    (1998, "ER_ENGINE_OUT_OF_MEMORY", RESOURCES),
    (3024, "ER_QUERY_TIMEOUT", STATEMENT_TIMEOUT),
    (3058, "ER_USER_LOCK_DEADLOCK", DEADLOCK),
    (3101, "ER_TRANSACTION_ROLLBACK_DURING_COMMIT", ROLLED_BACK),
    (3118, "ER_ACCOUNT_HAS_BEEN_LOCKED", PERMISSION),
    (3140, "ER_INVALID_JSON_TEXT", DATA),
    (3157, "ER_JSON_DOCUMENT_TOO_DEEP", DATA),
    (3168, "ER_SERVER_ISNT_AVAILABLE", RESTART),
    (3169, "ER_SESSION_WAS_KILLED", CONNECTION),
    (3572, "ER_LOCK_NOWAIT", LOCK_TIMEOUT),
    (3819, "ER_CHECK_CONSTRAINT_VIOLATED", CHECK),
    (3948, "ER_CLIENT_LOCAL_FILES_DISABLED", PERMISSION),
    (
        3955,
        "ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK",
        PERMISSION,
    ),
    (4025, "ER_CONSTRAINT_FAILED", CHECK),
    (4031, "ER_CLIENT_INTERACTION_TIMEOUT", IDLE_TIMEOUT.lost()),
    (4084, "ER_SEQUENCE_RUN_OUT", RESOURCES),
    (4150, "ER_USER_IS_BLOCKED", PERMISSION),
    (4151, "ER_ACCOUNT_HAS_BEEN_LOCKED", PERMISSION),
];

/// Returns the verdict on a number with several meanings, by its text, which names a setting of the server's.
#[cfg_attr(not(feature = "mysql"), allow(dead_code))]
pub(crate) fn besides(number: u16, message: &str) -> Option<Advice> {
    /// ER_OPTION_PREVENTS_STATEMENT: the server runs with `--read-only`, or with another option that forbids it.
    const OPTION_PREVENTS: u16 = 1290;
    (number == OPTION_PREVENTS && message.contains("read-only")).then_some(READ_ONLY)
}

/// Returns the verdict by number. A number that is not listed is judged by its SQLSTATE, unless that is generic.
///
/// MySQL and MariaDB use 4025 and 4031 for different errors: the SQLSTATE distinguishes them.
pub(crate) fn of(number: u16, state: Option<&str>) -> Advice {
    let row = NUMBERS
        .binary_search_by_key(&number, |row| row.0)
        .ok()
        .map(|index| NUMBERS[index].2);
    let verdict = match (number, state) {
        (4025, Some(state)) if state != "23000" => UNKNOWN,
        (4031, Some("08S01") | None) => row.unwrap_or(UNKNOWN),
        (4031, _) => UNKNOWN,
        _ => row.unwrap_or_else(|| match state {
            None | Some("HY000" | "") => UNKNOWN,
            // The connection of a server to another has the same states.
            Some(state) => super::sqlstate::of(state).unwrap_or(UNKNOWN).elsewhere(),
        }),
    };
    match state {
        // Galera reports a failed certification, which is a conflict, with this code and various numbers.
        Some(SERIALIZATION_FAILURE) => Advice {
            retryable: true,
            ..verdict
        },
        _ => verdict,
    }
}

/// Extracts schema names from messages. The quotes around them are the same in every language.
#[cfg(feature = "mysql")]
pub(crate) mod names {
    use super::super::Names;

    pub(crate) fn of(number: u16, message: &str) -> Names<'_> {
        let mut names = Names::default();
        match number {
            // Duplicate entry 'value' for key 'table.key'; the value may contain quotes.
            1062 | 1169 | 1586 | 1859 => names.constraint = last(message, '\'').map(after_dot),
            1022 => names.constraint = last(message, '\'').map(after_dot),
            // .. (`db`.`child`, CONSTRAINT `name` FOREIGN KEY (`column`) REFERENCES `parent` (`id`) ..)
            1451 | 1452 => {
                names.table = message
                    .split_once("(`")
                    .and_then(|(_, rest)| rest.split_once("`.`"))
                    .and_then(|(_, rest)| rest.split('`').next());
                names.constraint = quoted_after(message, "CONSTRAINT `", '`');
                names.column = quoted_after(message, "FOREIGN KEY (`", '`');
            }
            // Column 'name' ..
            1048 | 1364 | 1406 | 1264 | 1265 => names.column = first(message, '\''),
            // Incorrect integer value: 'value' for column `db`.`table`.`column` at row 1
            1366 | 1292 => {
                // The value may contain any character, and other messages with this number name no column.
                let after_value = message.rfind('\'').map_or("", |at| &message[at + 1..]);
                let parts: Vec<_> = after_value.split('`').collect();
                if let [_, _, ".", table, ".", column, _] = parts[..] {
                    (names.table, names.column) = (Some(table), Some(column));
                }
            }
            3819 => names.constraint = first(message, '\''),
            // CONSTRAINT `name` failed for `db`.`table`; a column's constraint is named `table`.`column`.
            4025 => {
                names.constraint = first(message, '`').map(after_dot);
                names.table = last(message, '`');
            }
            _ => {}
        }
        names
    }

    fn first(message: &str, quote: char) -> Option<&str> {
        message.split(quote).nth(1)
    }

    fn last(message: &str, quote: char) -> Option<&str> {
        let end = message.rfind(quote)?;
        let start = message[..end].rfind(quote)?;
        Some(&message[start + 1..end])
    }

    fn quoted_after<'e>(message: &'e str, before: &str, quote: char) -> Option<&'e str> {
        message.split_once(before)?.1.split(quote).next()
    }

    /// Removes the table, which MySQL 8 puts before a key's name.
    fn after_dot(name: &str) -> &str {
        name.rsplit('.').next().unwrap_or(name)
    }

    /// ER_PARSE_ERROR
    pub(crate) const SYNTAX: u16 = 1064;

    /// Whether the message quotes a value of the statement.
    pub(crate) const fn quotes_value(number: u16) -> bool {
        matches!(
            number,
            1062 | 1586 | 1366 | 1292 | 1411 | 1525 | 1526 | SYNTAX | 1300 | 1644 | 1690
        )
    }
}
