//! The README shows the message that the compiler prints.

#[test]
fn the_message_in_the_readme_is_the_compilers() {
    let readme = include_str!("../../README.md");
    let message = include_str!("../fail/commit/service_at_the_end.stderr");
    let shown = readme
        .split("```text\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a block of text in the README");
    assert!(
        message.starts_with(shown),
        "the README shows:\n{shown}\nthe compiler prints:\n{message}"
    );
}
