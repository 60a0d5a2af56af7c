//! A directory of its own for each test, which goes with it.

use crate::watchdog;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use shmframe::{Reader, ReaderOptions, Writer, WriterOptions};
use std::path::{Path, PathBuf};

/// A directory for segments, below `/dev/shm`.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    mounted: bool,
}

impl Place {
    /// A new directory for a test.
    #[must_use]
    pub fn new(test: &str) -> Self {
        let path = Path::new("/dev/shm").join(format!("shmframe-test-{test}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        watchdog::remember(&path);
        Self { path, mounted: false }
    }

    /// A new file system of `size` bytes for a test.
    ///
    /// # Panics
    /// Where nothing can be mounted: the test has to run as root.
    #[must_use]
    pub fn tmpfs(test: &str, size: u64) -> Self {
        Self::tmpfs_with(test, size, "")
    }

    /// A new file system of `size` bytes for a test, all in huge pages.
    ///
    /// # Panics
    /// As [`Place::tmpfs`]; also where the kernel has no transparent huge pages.
    #[must_use]
    pub fn huge_tmpfs(test: &str, size: u64) -> Self {
        Self::tmpfs_with(test, size, ",huge=always")
    }

    fn tmpfs_with(test: &str, size: u64, huge: &str) -> Self {
        let mut place = Self::new(test);
        let options = format!("size={size},mode=0700{huge}");
        let mounted = mount(
            Some("shmframe-test"),
            &place.path,
            Some("tmpfs"),
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
            Some(options.as_str()),
        );
        if let Err(errno) = mounted {
            panic!(
                "cannot mount a tmpfs of {size} bytes: {errno}; this test needs CAP_SYS_ADMIN: run it as root, in a \
                 container with `--cap-add SYS_ADMIN`; huge=always needs a kernel with transparent huge pages"
            );
        }
        place.mounted = true;
        place
    }

    /// A new ext4 file system of `size` bytes for a test, in an image on disk.
    ///
    /// # Panics
    /// Where nothing can be mounted: the test has to run as root, with `mkfs.ext4` and loop devices.
    #[must_use]
    pub fn ext4(test: &str, size: u64) -> Self {
        let mut place = Self::new(test);
        let image = std::env::temp_dir().join(format!("shmframe-test-{test}-{}.ext4", std::process::id()));
        watchdog::remember(&image);
        std::fs::File::create(&image).unwrap().set_len(size).unwrap();
        run("mkfs.ext4", &["-q", "-F", "-m", "0"], &[&image]);
        run("mount", &["-o", "loop"], &[&image, &place.path]);
        place.mounted = true;
        // The mount keeps it.
        std::fs::remove_file(&image).unwrap();
        std::fs::remove_dir(place.path.join("lost+found")).unwrap();
        place
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Options for a writer here, without a quota: a test that fills the file system meets its end.
    #[must_use]
    pub fn writer(&self) -> WriterOptions {
        Writer::options().directory(&self.path).quota(u64::MAX)
    }

    /// Options for a reader here.
    #[must_use]
    pub fn reader(&self) -> ReaderOptions {
        Reader::options().directory(&self.path)
    }

    /// What stands in the directory.
    #[must_use]
    pub fn entries(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.path).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    }
}

fn run(program: &str, arguments: &[&str], paths: &[&Path]) {
    let output = std::process::Command::new(program).args(arguments).args(paths).output();
    let said = match &output {
        Ok(output) if output.status.success() => return,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    panic!(
        "`{program}` for an ext4 image: {said}; this test needs root, mkfs.ext4 (package e2fsprogs) and a free loop \
         device: in a container `--privileged`"
    );
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.mounted {
            let _ = umount2(&self.path, MntFlags::MNT_DETACH);
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
