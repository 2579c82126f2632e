/// What the compiler tells a user who made a mistake.
#[test]
fn errors_name_the_mistake() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
