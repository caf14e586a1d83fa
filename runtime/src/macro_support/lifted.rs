//! A rule of the statement guard that an attribute lifts.

/// A rule of the statement guard that an attribute lifts, with the reason that it was given.
///
/// It is made in a `static` of the expansion, where the compiler evaluates it. The seal is a number that the macro computes
/// from the other parts, so that a rule is not lifted by a line of code without a reason, which `cargo demarcate allows` would
/// not list. It is a lock on a drawer and not a secret: who computes the seal by hand gets past it, and is found by
/// `cargo demarcate check`, which reports the path that leads here.
#[derive(Debug)]
pub struct Lifted {
    rule: &'static str,
}

impl Lifted {
    /// Makes one. Does not compile with a seal that is not the macro's.
    #[must_use]
    pub const fn by_attribute(
        rule: &'static str,
        reason: &'static str,
        function: &'static str,
        seal: u64,
    ) -> Self {
        assert!(
            seal == sealed(rule, reason, function),
            "a rule is lifted by an attribute, and not by hand; write `allow(D040, reason = \"..\")` in the attribute"
        );
        Self { rule }
    }

    /// Returns the rule's code.
    pub(crate) const fn rule(&self) -> &'static str {
        self.rule
    }
}

/// Computes the seal as `demarcate-macros` does (`macros/src/lifted.rs`): FNV-1a over the parts and the release.
const fn sealed(rule: &str, reason: &str, function: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    hash = hashed(hash, env!("CARGO_PKG_VERSION"));
    hash = hashed(hash, rule);
    hash = hashed(hash, reason);
    hashed(hash, function)
}

const fn hashed(mut hash: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    // What ends one part and begins the next differs.
    (hash ^ 0xff).wrapping_mul(0x0100_0000_01b3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a rule is lifted by an attribute, and not by hand")]
    fn a_seal_of_another_reason_is_refused() {
        let seal = sealed("D040", "a reason", "f");
        let _ = Lifted::by_attribute("D040", "another", "f", seal);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(sealed("D040", "ab", "c"), sealed("D040", "a", "bc"));
        let seal = sealed("D040", "a reason", "f");
        assert_eq!(
            Lifted::by_attribute("D040", "a reason", "f", seal).rule(),
            "D040"
        );
    }
}
