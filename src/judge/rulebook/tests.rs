//! Tests of the engine and of what the built-in books say.

use super::*;

#[test]
fn the_built_in_books_compile_and_keep_their_promises() {
    let books = Rulebooks::compile(Vec::new()).unwrap_or_else(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    });
    let broken: Vec<String> = books.check_examples().iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
