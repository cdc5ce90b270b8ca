//! Writes the Rust of `proto/`: messages, the case feed's server and its client. In: `coroner/v1/*.proto`. Out:
//! `OUT_DIR/coroner.v1.rs`, which `src/feed/v1.rs` includes. No protoc: protox reads the files.

use std::error::Error;

/// Fields that have a form of their own in the JSON of `coroner watch --json`: times as RFC 3339, the kind as a word.
const JSON_FORMS: [(&str, &str); 5] = [
    ("Case.settle_time", "time"),
    ("Case.start_time", "time"),
    ("Case.end_time", "time"),
    ("Evidence.time", "time"),
    ("Case.kind", "kind"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let files = protox::compile(["coroner/v1/cases.proto"], ["proto"])?;
    let mut builder = tonic_prost_build::configure();
    for message in ["Case", "Target", "Verdict", "Evidence"] {
        builder = builder.message_attribute(format!("coroner.v1.{message}"), "#[derive(serde::Serialize)]");
    }
    for (field, form) in JSON_FORMS {
        let attribute = format!("#[serde(serialize_with = \"super::json::{form}\")]");
        builder = builder.field_attribute(format!("coroner.v1.{field}"), attribute);
    }
    builder.compile_fds(files)?;
    println!("cargo:rerun-if-changed=proto");
    Ok(())
}
