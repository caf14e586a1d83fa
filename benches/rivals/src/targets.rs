//! How much faster demarcate is meant to be.

use crate::entrant::{GUARDED, HAND, OURS, OURS_GUARDED, TUNED};

/// `ours` is meant to be `factor` times as fast as `than`.
pub(crate) struct Target {
    pub(crate) scene: &'static str,
    pub(crate) row: &'static str,
    pub(crate) ours: &'static str,
    pub(crate) than: &'static str,
    pub(crate) factor: f64,
}

const fn target(scene: &'static str, row: &'static str, than: &'static str, factor: f64) -> Target {
    Target {
        scene,
        row,
        ours: OURS,
        than,
        factor,
    }
}

const fn guarded(scene: &'static str, row: &'static str, factor: f64) -> Target {
    Target {
        ours: OURS_GUARDED,
        ..target(scene, row, GUARDED, factor)
    }
}

const NEAR_POSTGRES: &str = "PostgreSQL, no delay";
const FAR_POSTGRES: &str = "PostgreSQL, 1 ms";
const NEAR_MARIADB: &str = "MariaDB, no delay";
const FAR_MARIADB: &str = "MariaDB, 1 ms";

pub(crate) const TARGETS: &[Target] = &[
    target(FAR_POSTGRES, "1 write", HAND, 1.3),
    target(FAR_POSTGRES, "3 writes", HAND, 1.2),
    guarded(FAR_POSTGRES, "1 write", 1.85),
    guarded(FAR_POSTGRES, "3 writes", 1.55),
    target(FAR_POSTGRES, "1 write", TUNED, 0.98),
    target(FAR_POSTGRES, "3 writes", TUNED, 0.98),
    target(FAR_POSTGRES, "10 writes", TUNED, 0.98),
    target(FAR_POSTGRES, "read-only, 1 select", HAND, 4.0),
    target(FAR_POSTGRES, "error after 1 write", HAND, 2.0),
    target(
        FAR_POSTGRES,
        "32 tasks, waits 5 ms, then 1 write",
        HAND,
        2.2,
    ),
    target(FAR_POSTGRES, "32 tasks, 1 write", HAND, 1.5),
    target(FAR_POSTGRES, "32 tasks, 3 writes", HAND, 1.33),
    target(FAR_POSTGRES, "32 tasks, 1 write", TUNED, 1.2),
    target(FAR_POSTGRES, "32 tasks, 3 writes", TUNED, 1.2),
    target(NEAR_POSTGRES, "1 write", TUNED, 0.98),
    target(NEAR_POSTGRES, "3 writes", TUNED, 0.98),
    target(NEAR_POSTGRES, "10 writes", TUNED, 0.98),
    target(NEAR_POSTGRES, "32 tasks, 1 write", HAND, 1.2),
    target(NEAR_POSTGRES, "32 tasks, 3 writes", HAND, 1.15),
    target(NEAR_POSTGRES, "32 tasks, 1 write", TUNED, 1.2),
    target(NEAR_POSTGRES, "32 tasks, 3 writes", TUNED, 1.2),
    target(FAR_MARIADB, "1 write", HAND, 1.3),
    target(FAR_MARIADB, "3 writes", HAND, 1.2),
    target(FAR_MARIADB, "1 write", TUNED, 0.98),
    target(FAR_MARIADB, "read-only, 1 select", HAND, 4.0),
    target(FAR_MARIADB, "error after 1 write", HAND, 2.0),
    target(FAR_MARIADB, "32 tasks, 1 write", HAND, 1.5),
    target(FAR_MARIADB, "32 tasks, 3 writes", HAND, 1.33),
    target(NEAR_MARIADB, "1 write", TUNED, 0.98),
    target(NEAR_MARIADB, "32 tasks, 1 write", HAND, 1.2),
    target(NEAR_MARIADB, "32 tasks, 3 writes", HAND, 1.15),
    target("SQLite, multi-thread runtime", "1 write", HAND, 1.3),
    target("SQLite, current-thread runtime", "1 write", HAND, 2.5),
];
