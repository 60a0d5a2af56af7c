//! Which frames a target means.

use crate::view::View;
use anyhow::Result;
use glob::Pattern;
use shmframe_cli::{Exit, Failure, Target};
use shmframe_reader::Frame;

/// Names of frames that an error lists at the most.
const LISTED: usize = 40;

/// The names of the frames that a target means: all of the segment, those that fit its pattern, or the one.
///
/// # Errors
/// [`Exit::NotFound`] if no frame fits a pattern.
pub fn named(target: &Target, names: Vec<String>) -> Result<Vec<String>> {
    let Some(wanted) = &target.frame else { return Ok(names) };
    if !target.is_pattern() || names.contains(wanted) {
        return Ok(vec![wanted.clone()]);
    }
    let pattern = Pattern::new(wanted)
        .map_err(|error| Failure::usage(format!("{wanted:?} is no pattern of frames: {error}")))?;
    let (fits, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| pattern.matches(name));
    if fits.is_empty() {
        let text = format!("no frame fits {wanted:?}; {}", listed(&others));
        return Err(Failure::new(Exit::NotFound, text).into());
    }
    Ok(fits)
}

/// The name of the one frame that a target means: the only one of its segment, if it names none.
///
/// # Errors
/// [`Exit::Usage`], with the names, if there are several; [`Exit::NotFound`] if there is none.
pub fn one_named(target: &Target, names: Vec<String>) -> Result<String> {
    let mut names = named(target, names)?;
    match names.len() {
        1 => Ok(names.remove(0)),
        0 => Err(Failure::new(Exit::NotFound, format!("{target} has no frame yet")).into()),
        _ => {
            let segment = Target { frame: None, version: None, ..target.clone() };
            let text = format!("name one frame, as in {segment}/{}; {}", names[0], listed(&names));
            Err(Failure::usage(text).into())
        }
    }
}

/// The one frame that a target means.
///
/// # Errors
/// Those of [`one_named`], and of reading.
pub fn one(target: &Target, view: &View<'_>) -> Result<Frame> {
    let name = match &target.frame {
        Some(name) if !target.is_pattern() => name.clone(),
        _ => one_named(target, view.frames()?)?,
    };
    Ok(view.frame(&name)?)
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "there is none".to_owned(),
        count if count > LISTED => format!("there are {count}: {shown}, ..."),
        _ => format!("there are: {shown}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["quotes", "trades.a", "trades.b"].map(str::to_owned).to_vec()
    }

    fn target(text: &str) -> Target {
        text.parse().unwrap()
    }

    #[test]
    fn patterns_give_the_frames_that_fit() {
        assert_eq!(named(&target("s/trades.*"), names()).unwrap(), ["trades.a", "trades.b"]);
        assert_eq!(named(&target("s"), names()).unwrap(), names());
        assert_eq!(named(&target("s/other"), names()).unwrap(), ["other"]);
    }

    #[test]
    fn frame_whose_name_looks_like_a_pattern_is_found_by_its_name() {
        assert_eq!(named(&target("s/a*"), vec!["a*".to_owned(), "ab".to_owned()]).unwrap(), ["a*"]);
    }

    #[test]
    fn several_frames_where_one_is_needed_are_listed_with_the_usage_status() {
        let error = one_named(&target("s"), names()).unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert!(error.to_string().contains("quotes, trades.a, trades.b"), "{error}");
        assert_eq!(Exit::of(&one_named(&target("s"), Vec::new()).unwrap_err()), Exit::NotFound);
        assert_eq!(Exit::of(&named(&target("s/x*"), names()).unwrap_err()), Exit::NotFound);
        assert_eq!(one_named(&target("s"), vec!["a".to_owned()]).unwrap(), "a");
    }
}
