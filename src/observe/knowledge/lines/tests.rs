//! Where a literal is believed.

use super::*;

#[test]
fn a_literal_counts_where_a_message_begins() {
    let says = |text: &str| text.find("CUDA out").is_some_and(|at| begins(text, at, at + "CUDA out of memory".len()));
    for text in [
        "CUDA out of memory. Tried",
        "first\n  CUDA out of memory",
        "torch.OutOfMemoryError: CUDA out of memory.",
        "ERROR:    CUDA out of memory",
        "[2026-11-22 08:47:42 +0000] [17381] [ERROR] CUDA out of memory",
        "2026-11-22 08:47:42,123 ERROR CUDA out of memory",
        "2026-11-22 - model - ERROR - CUDA out of memory",
        "OutOfMemoryError('CUDA out of memory')",
        "prediction failed: CUDA out of memory",
        "(replica 3) CUDA out of memory",
    ] {
        assert!(says(text), "{text}");
    }
    for text in [
        "why CUDA out of memory?",
        "the user wrote: CUDA out of memory",
        "prompt: CUDA out of memory",
        "received \"CUDA out of memory\"",
        "user asked: what does 'CUDA out of memory' mean",
        "{\"prompt\": \"CUDA out of memory\"}",
        "ERROR CUDA out of memoryless",
    ] {
        assert!(!says(text), "{text}");
    }
}
