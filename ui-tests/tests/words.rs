//! The runtime repeats some messages of `demarcate-rules`, since an attribute takes no constant. They are the same.

use demarcate_rules::{Kind, RULES, VARIANTS};

const PROBE: &str = concat!(
    include_str!("../../runtime/src/macro_support/probe.rs"),
    include_str!("../../runtime/src/macro_support/outcome.rs")
);

#[test]
fn the_runtime_repeats_the_rules_to_the_letter() {
    // As the compiler joins a string that is broken over lines.
    let probe: String = PROBE
        .split("\\\n")
        .map(|part| part.trim_start_matches(' '))
        .collect();

    let mut repeated = 0;
    for rule in RULES.iter().chain(VARIANTS) {
        for kind in [Kind::Router, Kind::Service, Kind::Job] {
            let Some(text) = rule.text_of_type(kind, "{T}") else {
                continue;
            };
            let (message, help) = text.split_once("\nhelp: ").expect("a line of help");
            for part in [
                format!("message = \"{}\"", message.replace('"', "\\\"")),
                format!("note = \"{}\"", help.replace('"', "\\\"")),
            ] {
                assert!(
                    probe.contains(&part),
                    "runtime/src/macro_support does not say: {part}"
                );
            }
            repeated += 1;
        }
    }
    assert_eq!(repeated, (11 + 2 + 5) * 3);
}
