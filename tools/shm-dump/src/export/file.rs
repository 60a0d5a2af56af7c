//! A file that stands there whole or not at all.

use anyhow::{Context, Result};
use shmframe_cli::{Exit, Failure};
use std::fs::{self, File, Permissions};
use std::io::BufWriter;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::Builder;

/// Mode of a new file, before the umask.
const MODE: u32 = 0o666;

/// What becomes of a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is written.
    Stays,
    /// It is replaced.
    IsReplaced,
}

/// Refuses a path where something stands that would be lost.
///
/// # Errors
/// [`Exit::Usage`] for what is no file, [`Exit::Busy`] for a file unless it is to be replaced.
pub fn refuse_overwriting(path: &Path, existing: Existing) -> Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            let text = format!("{} is no file; for standard output write -o -", path.display());
            Err(Failure::usage(text).into())
        }
        Ok(_) if existing == Existing::Stays => Err(taken(path)),
        _ => Ok(()),
    }
}

fn taken(path: &Path) -> anyhow::Error {
    Failure::new(Exit::Busy, format!("{} exists; replace it with --force", path.display())).into()
}

/// Writes a file beside `path` and, when that has come to its end, gives it the name. Whatever fails before leaves
/// nothing.
///
/// # Errors
/// Those of `write`; [`Exit::Busy`] if somebody else has made the file meanwhile and it is not to be replaced.
pub fn write_file(
    path: &Path,
    existing: Existing,
    write: impl FnOnce(BufWriter<File>) -> Result<BufWriter<File>>,
) -> Result<u64> {
    let path = &followed(path);
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let place = || format!("writing {}", path.display());
    let mut builder = Builder::new();
    let prefix = format!(".{name}.");
    builder.prefix(&prefix).suffix(".part").permissions(Permissions::from_mode(MODE));
    let temporary = builder.tempfile_in(directory).with_context(place)?;
    if let (Existing::IsReplaced, Ok(old)) = (existing, fs::metadata(path)) {
        // Who may read it stays as it was.
        temporary.as_file().set_permissions(old.permissions()).with_context(place)?;
    }
    let file = write(BufWriter::new(temporary.reopen().with_context(place)?)).with_context(place)?;
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(place)?;
    file.sync_all().with_context(place)?;
    let bytes = file.metadata().with_context(place)?.len();
    let persisted = match existing {
        Existing::Stays => temporary.persist_noclobber(path),
        Existing::IsReplaced => temporary.persist(path),
    };
    match persisted {
        Ok(_) => Ok(bytes),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(taken(path)),
        Err(error) => Err(error.error).with_context(place),
    }
}

/// The file that a link leads to, so that the link stays.
fn followed(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn put(path: &Path, existing: Existing, text: &str) -> Result<u64> {
        write_file(path, existing, |mut file| {
            file.write_all(text.as_bytes())?;
            Ok(file)
        })
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn file_is_replaced_whole_and_only_if_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        assert_eq!(put(&path, Existing::Stays, "one").unwrap(), 3);
        assert_eq!(Exit::of(&put(&path, Existing::Stays, "two").unwrap_err()), Exit::Busy);
        assert_eq!(Exit::of(&refuse_overwriting(&path, Existing::Stays).unwrap_err()), Exit::Busy);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        put(&path, Existing::IsReplaced, "three").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        assert_eq!(names(directory.path()), ["a.csv"]);
        assert_eq!(
            Exit::of(&refuse_overwriting(directory.path(), Existing::IsReplaced).unwrap_err()),
            Exit::Usage
        );
    }

    #[test]
    fn file_that_is_replaced_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        put(&path, Existing::Stays, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        put(&path, Existing::IsReplaced, "new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn failure_leaves_neither_a_half_file_nor_a_temporary_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        let failed = write_file(&path, Existing::Stays, |mut file| {
            file.write_all(b"half")?;
            anyhow::bail!("no more")
        });
        assert!(format!("{:#}", failed.unwrap_err()).ends_with("no more"));
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn file_behind_a_link_is_replaced_and_the_link_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("a.csv"), directory.path().join("link.csv"));
        put(&path, Existing::Stays, "one").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        put(&link, Existing::IsReplaced, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
