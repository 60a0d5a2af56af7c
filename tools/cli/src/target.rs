//! How a segment, a frame, or a version of either is named on a command line.

#[cfg(doc)]
use crate::exit::Exit;
use crate::exit::Failure;
use core::fmt;
use core::str::FromStr;
use shmframe_format::name::{check_frame_name, check_segment_name};
use std::path::{Path, PathBuf};

/// What the directory of a segment ends in.
const EXTENSION: &str = "shmf";

/// Which segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The one of this name, in the directory that options or environment say.
    Named(String),
    /// The one of this name in this directory: it was named by its path.
    At(PathBuf, String),
}

impl Place {
    /// The segment's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Named(name) | Self::At(_, name) => name,
        }
    }

    /// The directory that holds it, if it was named by its path.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Named(_) => None,
            Self::At(directory, _) => Some(directory),
        }
    }
}

/// `NAME`, `NAME@VERSION`, `NAME/FRAME` or `NAME/FRAME@VERSION`. What begins with `/`, `./` or `../` is a path to the segment's
/// directory, `PATH/NAME.shmf`, instead of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which segment.
    pub place: Place,
    /// Which frame, or a pattern of frames (`trades.*`); none: all of them, or the only one.
    pub frame: Option<String>,
    /// Which version; none: the newest.
    pub version: Option<u64>,
}

impl Target {
    /// The segment, for a command that is about all of it.
    ///
    /// # Errors
    /// [`Exit::Usage`] if a frame or a version of it is named.
    pub fn whole(&self) -> Result<&Place, Failure> {
        if self.frame.is_none() && self.version.is_none() {
            return Ok(&self.place);
        }
        let whole = Self { frame: None, version: None, ..self.clone() };
        Err(Failure::usage(format!(
            "this is about a whole segment, and {self} is a part of one: write {whole}"
        )))
    }

    /// Whether the frame is a pattern, which may stand for several frames.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.frame.as_ref().is_some_and(|frame| frame.contains(['*', '?', '[']))
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, version) = match text.rsplit_once('@') {
            None => (text, None),
            Some((rest, version)) => {
                let number = version.parse().map_err(|_| {
                    format!("after the @ stands a version, a number such as 12, and not {version:?}")
                })?;
                (rest, Some(number))
            }
        };
        let is_path = ["/", "./", "../"].iter().any(|start| rest.starts_with(start));
        let (place, frame) = if is_path { by_path(rest)? } else { by_name(rest)? };
        if let Some(frame) = &frame {
            check_frame_name(frame).map_err(|error| error.to_string())?;
        }
        Ok(Self { place, frame, version })
    }
}

fn by_name(text: &str) -> Result<(Place, Option<String>), String> {
    let (name, frame) = match text.split_once('/') {
        None => (text, None),
        Some((name, frame)) => (name, Some(frame.to_owned())),
    };
    check_segment_name(name).map_err(|error| error.to_string())?;
    Ok((Place::Named(name.to_owned()), frame))
}

/// The first part of a path that ends in `.shmf` is the segment; what follows is the frame.
fn by_path(text: &str) -> Result<(Place, Option<String>), String> {
    let path = Path::new(text.trim_end_matches('/'));
    let is_segment = |path: &&Path| path.extension().is_some_and(|extension| extension == EXTENSION);
    let segment = path.ancestors().filter(is_segment).last();
    let segment = segment.ok_or_else(|| {
        format!("a path to a segment ends in NAME.{EXTENSION}, as in /dev/shm/ticks.{EXTENSION}; {text:?} does not")
    })?;
    let name = segment.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    check_segment_name(name).map_err(|error| error.to_string())?;
    let directory = segment.parent().unwrap_or(Path::new("/")).to_owned();
    let frame = path.strip_prefix(segment).ok().and_then(Path::to_str).filter(|frame| !frame.is_empty());
    Ok((Place::At(directory, name.to_owned()), frame.map(str::to_owned)))
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Named(name) => formatter.write_str(name)?,
            Place::At(directory, name) => write!(formatter, "{}/{name}.{EXTENSION}", directory.display())?,
        }
        if let Some(frame) = &self.frame {
            write!(formatter, "/{frame}")?;
        }
        match self.version {
            Some(version) => write!(formatter, "@{version}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_segments_frames_and_versions() {
        for (text, name, frame, version) in [
            ("ticks", "ticks", None, None),
            ("ticks@12", "ticks", None, Some(12)),
            ("ticks/trades", "ticks", Some("trades"), None),
            ("a.b/my trades@3", "a.b", Some("my trades"), Some(3)),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.place, Place::Named(name.to_owned()), "{text}");
            assert_eq!((target.frame.as_deref(), target.version), (frame, version), "{text}");
            assert_eq!(target.to_string(), text);
        }
    }

    #[test]
    fn paths_lead_to_the_segment_and_may_go_on_with_a_frame() {
        for (text, directory, frame) in [
            ("/dev/shm/ticks.shmf", "/dev/shm", None),
            ("./ticks.shmf/trades@3", ".", Some("trades")),
            ("../a/ticks.shmf/", "../a", None),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.place, Place::At(directory.into(), "ticks".to_owned()), "{text}");
            assert_eq!(target.frame.as_deref(), frame, "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "invalid segment name"),
            ("ticks@new", "a number"),
            ("/dev/shm/ticks", "ends in NAME.shmf"),
            ("ticks/", "invalid frame name"),
            ("ticks/a/b", "invalid frame name"),
            ("/.shmf", "ends in NAME.shmf"),
            ("a b", "invalid segment name"),
        ] {
            let error = text.parse::<Target>().unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }

    #[test]
    fn patterns_are_told_from_names() {
        assert!("ticks/trades.*".parse::<Target>().unwrap().is_pattern());
        assert!(!"ticks/trades".parse::<Target>().unwrap().is_pattern());
    }
}
