//! The rulebooks of the config, from disk.
//!
//! In: paths. Out: the compiled books, the user's in front of the built-in ones, or every error of every file.

use crate::judge::Rulebooks;
use crate::judge::rulebook::{BookError, Source};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What is wrong with the user's rulebooks, one line each.
#[derive(Debug, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct BooksError(Vec<Fault>);

#[derive(Debug, Error)]
enum Fault {
    #[error("{}: cannot read it: {error}; write the path of a rulebook that this user may read", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{0}")]
    Book(BookError),
}

/// Loads and compiles.
///
/// # Errors
/// Everything that is wrong: files that cannot be read, and all mistakes in the others.
pub fn load(paths: &[PathBuf]) -> Result<Rulebooks, BooksError> {
    let mut faults = Vec::new();
    let sources: Vec<Source> = paths.iter().filter_map(|path| read(path, &mut faults)).collect();
    match Rulebooks::compile(sources) {
        Ok(books) if faults.is_empty() => Ok(books),
        Ok(_) => Err(BooksError(faults)),
        Err(errors) => {
            faults.extend(errors.into_iter().map(Fault::Book));
            Err(BooksError(faults))
        }
    }
}

fn read(path: &Path, faults: &mut Vec<Fault>) -> Option<Source> {
    match fs::read_to_string(path) {
        Ok(text) => Some(Source { name: path.display().to_string(), text }),
        Err(error) => {
            faults.push(Fault::Unreadable { path: path.to_owned(), error });
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_book_is_told() {
        let folder = std::env::temp_dir().join(format!("coroner-books-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (broken, missing) = (folder.join("broken.yaml"), folder.join("missing.yaml"));
        fs::write(&broken, "platform: own\nrules:\n  - id: own/x\n    wen: {}\n").unwrap();
        let error = load(&[missing.clone(), broken.clone()]).unwrap_err().to_string();
        fs::remove_dir_all(&folder).unwrap();
        assert!(error.contains(&format!("{}: cannot read it", missing.display())), "{error}");
        assert!(error.contains(&format!("{}:", broken.display())) && error.contains("wen"), "{error}");
        assert!(load(&[]).is_ok());
    }
}
