//! `${env:NAME}` and `${file:PATH}`: texts that are kept outside the config file.
//!
//! In: a scalar as written. Out: the text it stands for. Errors speak of the text as written, never of a secret.

use super::Surroundings;

/// Replaces every reference; says in words what is wrong and what would be right.
pub(super) fn expand(text: &str, outside: &Surroundings<'_>) -> Result<String, (String, &'static str)> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((front, after)) = rest.split_once("${") {
        out.push_str(front);
        let (reference, behind) =
            after.split_once('}').ok_or_else(|| (format!("`{text}` lacks a closing brace"), FORM))?;
        match reference.split_once(':') {
            Some(("env", name)) => out.push_str(
                &(outside.env)(name)
                    .ok_or_else(|| (format!("environment variable {name} is not set"), "the name of one that is"))?,
            ),
            Some(("file", path)) => {
                let held = (outside.read)(path).map_err(|e| {
                    (format!("cannot read {path}: {e}"), "the path of a text file that this user may read")
                })?;
                out.push_str(held.trim_end_matches(['\r', '\n']));
            }
            _ => return Err((format!("`${{{reference}}}` is no reference"), FORM)),
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

const FORM: &str = "${env:NAME} or ${file:PATH}";

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn references_are_replaced_and_faults_are_named() {
        let env = |name: &str| (name == "KEY").then(|| "s3cret".to_owned());
        let read = |path: &str| match path {
            "/k" => Ok("from file\n".to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        let outside = Surroundings { env: &env, read: &read };
        let good =
            [("plain", "plain"), ("a${env:KEY}b", "as3cretb"), ("${file:/k}", "from file"), ("$x {y}", "$x {y}")];
        for (text, want) in good {
            assert_eq!(expand(text, &outside).as_deref(), Ok(want));
        }
        let bad = [
            ("${env:NO}", "environment variable NO is not set"),
            ("${env:KEY", "`${env:KEY` lacks a closing brace"),
            ("${KEY}", "`${KEY}` is no reference"),
            ("${file:/none}", "cannot read /none: entity not found"),
        ];
        for (text, wrong) in bad {
            assert_eq!(expand(text, &outside).unwrap_err().0, wrong);
        }
    }
}
