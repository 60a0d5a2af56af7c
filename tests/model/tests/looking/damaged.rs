//! What can be said of a segment that does not open.

use super::{STRANGER, inspection, location, registry};
use shmframe::ErrorKind;
use shmframe_format::table::{self, RegistryHeader};
use shmframe_model::{Files, Scratch, numbers};
use shmframe_segment::{HeaderLook, RegistryView, look_at_header};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

/// A segment `s`; its writer is gone.
fn written(scratch: &Scratch) -> Files {
    scratch.writer().create("s").unwrap().put("t", &numbers(0, 10)).unwrap();
    scratch.files("s")
}

fn look(scratch: &Scratch) -> HeaderLook {
    look_at_header(&location(scratch, "s")).unwrap()
}

fn kinds(look: &HeaderLook) -> Vec<ErrorKind> {
    look.faults.iter().map(|fault| fault.kind()).collect()
}

#[test]
fn header_of_a_whole_segment_has_no_faults() {
    let scratch = Scratch::new();
    let files = written(&scratch);
    let look = look(&scratch);
    assert!(look.faults.is_empty(), "{:?}", look.faults);
    assert_eq!(look.is_of_this_boot, Some(true));
    assert_eq!(look.fields, Some(files.structure::<table::Header>("data", 0)));
    let status = look.status;
    let own = nix::unistd::geteuid().as_raw();
    assert_eq!((status.directory.uid, status.directory.mode), (own, 0o700));
    let (data, readers) = (status.data.unwrap(), status.readers.unwrap());
    assert_eq!((data.mode, data.size, data.allocated), (0o600, 256 << 20, files.allocated()));
    assert!(data.is_regular && status.directory.is_regular);
    assert_eq!(readers.size, files.geometry().registry_size());
    assert_eq!(status.lease.unwrap().size, 0);
    assert_eq!(inspection(&scratch).status().unwrap(), status);
}

#[test]
fn fields_of_another_format_version_are_shown_with_what_is_wrong() {
    let scratch = Scratch::new();
    let files = written(&scratch);
    files.change_header(|header| header.minor = 9);
    let found = look(&scratch);
    assert_eq!(kinds(&found), [ErrorKind::OtherFormatVersion]);
    assert_eq!(found.fields.unwrap().minor, 9);
    files.change_header(|header| {
        header.minor = shmframe_format::header::MINOR;
        header.fingerprint ^= 1;
        header.heap_offset += 64;
    });
    assert_eq!(kinds(&look(&scratch)), [ErrorKind::OtherLayout, ErrorKind::Corrupt]);
    let message = look(&scratch).faults[1].to_string();
    assert!(message.contains("heap") && message.contains("s.shmf/data"), "{message}");
}

#[test]
fn damaged_cut_and_missing_data_are_faults_and_not_errors() {
    let scratch = Scratch::new();
    let files = written(&scratch);
    files.open("data").set_len(1 << 20).unwrap();
    let found = look(&scratch);
    assert_eq!(kinds(&found), [ErrorKind::Truncated]);
    assert!(found.faults[0].to_string().contains("expected at least 268435456 bytes, found 1048576"));
    files.write("data", 60, b"x");
    assert_eq!(kinds(&look(&scratch)), [ErrorKind::Corrupt, ErrorKind::Truncated]);
    files.write("data", 0, b"x");
    assert_eq!(kinds(&look(&scratch)), [ErrorKind::NotASegment]);
    assert!(look(&scratch).fields.is_some());
    files.open("data").set_len(10).unwrap();
    assert_eq!((kinds(&look(&scratch)), look(&scratch).fields), (vec![ErrorKind::NotASegment], None));
    std::fs::remove_file(files.path("data")).unwrap();
    let found = look(&scratch);
    assert_eq!((kinds(&found), found.status.data), (vec![ErrorKind::NotASegment], None));
    symlink("/dev/zero", files.path("data")).unwrap();
    let found = look(&scratch);
    assert_eq!(kinds(&found), [ErrorKind::LinkInTheWay]);
    assert!(!found.status.data.unwrap().is_regular);
}

#[test]
fn registry_is_looked_at_whatever_became_of_the_data() {
    let scratch = Scratch::new();
    let files = written(&scratch);
    let reader = scratch.reader().label("holder").open("s").unwrap();
    let snapshot = reader.snapshot().unwrap();
    let labels = || registry(&scratch).pins().unwrap().into_iter().map(|slot| slot.label).collect::<Vec<_>>();
    files.change_header(|header| header.boot[0] ^= 1);
    assert_eq!(labels(), ["holder"]);
    files.change_header(|header| header.major = 7);
    assert_eq!(labels(), ["holder"]);
    assert!(!registry(&scratch).has_writer().unwrap());
    drop((snapshot, reader));
    std::fs::remove_file(files.path("data")).unwrap();
    assert_eq!(registry(&scratch).slots(), 512);
    if nix::unistd::geteuid().is_root() {
        for path in [files.directory().to_owned(), files.path("readers")] {
            chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
        }
        assert_eq!(labels(), Vec::<String>::new());
        std::fs::set_permissions(files.directory(), PermissionsExt::from_mode(0o755)).unwrap();
    }
}

#[test]
fn hostile_registry_is_refused_or_read_within_its_bounds() {
    let scratch = Scratch::new();
    let files = written(&scratch);
    let header: RegistryHeader = files.structure("readers", 0);
    let refused = |change: fn(&mut RegistryHeader)| {
        let mut header = header;
        change(&mut header);
        files.write("readers", 0, bytemuck::bytes_of(&header));
        RegistryView::open(&location(&scratch, "s"))
            .map(|view| view.pins().unwrap().len())
            .map_err(|error| error.kind())
    };
    assert_eq!(refused(|header| header.magic = *b"SHMFRAME"), Err(ErrorKind::NotASegment));
    assert_eq!(refused(|header| header.fingerprint ^= 1), Err(ErrorKind::OtherLayout));
    assert_eq!(refused(|header| header.pins_per_slot = u32::MAX), Err(ErrorKind::Corrupt));
    assert_eq!(refused(|header| header.slots = u32::MAX), Err(ErrorKind::Corrupt));
    assert_eq!(refused(|header| header.slots = 0), Err(ErrorKind::Corrupt));
    assert_eq!(refused(|header| header.instance[0] ^= 1), Err(ErrorKind::Corrupt), "another segment's");
    // More slots than the file has: those that it has are shown.
    assert_eq!(refused(|header| header.slots = 65_536), Ok(0));
    let all = vec![0xFF; files.geometry().registry_size() as usize - 4096];
    files.write("readers", 4096, &all);
    assert_eq!(refused(|header| header.used = u64::MAX), Ok(512));
    files.open("readers").set_len(4096 + 700).unwrap();
    assert_eq!(refused(|header| header.used = 0), Ok(1));
    let pins = registry(&scratch).pins().unwrap();
    assert_eq!((pins[0].versions.as_slice(), pins[0].alive), (&[u64::MAX][..], false));
    files.open("readers").set_len(100).unwrap();
    assert_eq!(refused(|_| ()), Ok(0), "the header was written behind the end");
    files.open("readers").set_len(100).unwrap();
    assert_eq!(RegistryView::open(&location(&scratch, "s")).unwrap_err().kind(), ErrorKind::Truncated);
}
