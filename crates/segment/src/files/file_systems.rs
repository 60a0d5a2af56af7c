//! Which file systems segments live on, by the kernel's magic numbers (`linux/magic.h`), and what they are called.

/// Whether segments can live on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suitability {
    /// They are tested there.
    Checked,
    /// It may do: it is this machine's, but nobody has tried.
    Unchecked,
    /// Never: locks of another machine's kernel do not hold here.
    Network,
}

use Suitability::{Checked, Network, Unchecked};

const KNOWN: [(i64, &str, Suitability); 31] = [
    (0x0102_1994, "tmpfs", Checked),
    (0xEF53, "ext2, ext3 or ext4", Checked),
    (0x5846_5342, "xfs", Checked),
    (0x9123_683E, "btrfs", Unchecked),
    (0xF2F5_2010, "f2fs", Unchecked),
    (0x2FC1_2FC1, "zfs", Unchecked),
    (0xCA45_1A4E, "bcachefs", Unchecked),
    (0x794C_7630, "overlayfs (the root of a container)", Unchecked),
    (0x6573_5546, "fuse", Unchecked),
    (0x8584_58F6, "ramfs", Unchecked),
    (0x9584_58F6, "hugetlbfs", Unchecked),
    (0xF15F, "ecryptfs", Unchecked),
    (0x4D44, "vfat", Unchecked),
    (0x2011_BAB0, "exfat", Unchecked),
    (0x5346_544E, "ntfs", Unchecked),
    (0x7366_746E, "ntfs3", Unchecked),
    (0x9660, "isofs", Unchecked),
    (0x7371_7368, "squashfs", Unchecked),
    (0x9FA0, "proc", Unchecked),
    (0x6265_6572, "sysfs", Unchecked),
    (0x1CD1, "devpts", Unchecked),
    (0x6367_7270, "cgroup2", Unchecked),
    (0x6969, "nfs", Network),
    (0xFF53_4D42, "cifs", Network),
    (0xFE53_4D42, "smb2", Network),
    (0x00C3_6400, "ceph", Network),
    (0x0102_1997, "9p", Network),
    (0x5346_414F, "afs", Network),
    (0x7375_7245, "coda", Network),
    (0x0BD0_0BD0, "lustre", Network),
    (0x4750_4653, "gpfs", Network),
];

fn known(magic: i64) -> Option<&'static (i64, &'static str, Suitability)> {
    KNOWN.iter().find(|(number, ..)| *number == magic)
}

/// Whether segments can live on the file system with this magic number.
pub(crate) fn suitability(magic: i64) -> Suitability {
    known(magic).map_or(Unchecked, |(_, _, suitability)| *suitability)
}

/// What it is called.
pub(crate) fn name(magic: i64) -> String {
    known(magic).map_or_else(|| format!("file system type {magic:#x}"), |(_, name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_named_and_those_of_the_network_refused() {
        assert_eq!((name(0x6969).as_str(), suitability(0x6969)), ("nfs", Network));
        assert_eq!((name(0x9123_683E).as_str(), suitability(0x9123_683E)), ("btrfs", Unchecked));
        assert_eq!(
            (name(0x12_3456).as_str(), suitability(0x12_3456)),
            ("file system type 0x123456", Unchecked)
        );
        assert_eq!(suitability(0x0102_1994), Checked);
    }

    #[test]
    fn no_number_stands_twice() {
        for (at, (number, ..)) in KNOWN.iter().enumerate() {
            assert!(KNOWN[at + 1..].iter().all(|(other, ..)| other != number), "{number:#x}");
        }
    }
}
