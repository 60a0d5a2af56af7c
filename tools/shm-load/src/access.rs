//! Who may use a new segment: a mode as that of a file, for its directory and each of its files.

use core::str::FromStr;
use nix::unistd::Group;
use shmframe_cli::Failure;
use shmframe_writer::{Access, Permission};

/// Who may read rows, and who may write them: `600`, `640`, `660`, `644`, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    group: Right,
    others: Right,
}

/// What somebody may do with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    Nothing,
    Read,
    Write,
}

impl Right {
    fn of(digit: u8) -> Option<Self> {
        match digit {
            b'0' => Some(Self::Nothing),
            b'4' => Some(Self::Read),
            b'6' => Some(Self::Write),
            _ => None,
        }
    }

    /// One of three bits of a mode: nothing, for who reads, for who writes.
    fn bits(self, [reads, writes]: [u32; 2]) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::Read => reads,
            Self::Write => writes,
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(text);
        let mode = match digits.as_bytes() {
            [b'6', group, others] => Right::of(*group).zip(Right::of(*others)),
            _ => None,
        };
        let (group, others) = mode.ok_or_else(|| {
            format!(
                "{text:?} is no mode of a segment: 6, then 0, 4 or 6 for the group and for others, as 640"
            )
        })?;
        Ok(Self { group, others })
    }
}

/// The access that options ask for; none: the owner alone.
pub fn access(mode: Option<Mode>, group: Option<&str>) -> Result<Option<Access>, Failure> {
    let group = group.map(number).transpose()?;
    let mode = match (mode, group) {
        (None, None) => return Ok(None),
        (None, Some(_)) => Mode { group: Right::Read, others: Right::Nothing },
        (Some(mode), _) => mode,
    };
    Ok(Some(mode.access(group)))
}

impl Mode {
    /// Who reads needs a slot of the registry, and so writes it; who writes needs the lease.
    fn access(self, group: Option<u32>) -> Access {
        let permission = |owner: u32, bits: [u32; 2]| {
            let of_group = self.group.bits(bits);
            Permission {
                mode: owner << 6 | of_group << 3 | self.others.bits(bits),
                group: group.filter(|_| of_group != 0),
            }
        };
        Access {
            directory: permission(7, [5, 7]),
            data: permission(6, [4, 6]),
            readers: permission(6, [6, 6]),
            lease: permission(6, [0, 6]),
        }
    }
}

/// The number of a group.
fn number(group: &str) -> Result<u32, Failure> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    match Group::from_name(group) {
        Ok(Some(found)) => Ok(found.gid.as_raw()),
        _ => Err(Failure::usage(format!(
            "there is no group {group:?}: give --group a name or number that exists"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_the_library() {
        let of = |mode: &str, group| mode.parse::<Mode>().unwrap().access(group);
        assert_eq!(of("600", None), Access::private());
        assert_eq!(of("640", Some(5)), Access::group_of_readers(5));
        assert_eq!(of("0660", Some(5)), Access::group_of_writers(5));
        for wrong in ["", "6", "700", "641", "6440", "x"] {
            assert!(wrong.parse::<Mode>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn group_alone_reads() {
        assert_eq!(access(None, Some("7")).unwrap(), Some(Access::group_of_readers(7)));
        assert_eq!(access(None, None).unwrap(), None);
        assert!(access(None, Some("no such group")).is_err());
    }
}
