//! How far a transaction has come, and what its changes and its commit must come to.

use super::model::{Refused, Step};
use shmframe::{ErrorKind, Result, Transaction};

/// Where the changes of a transaction stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// In private memory: writers take turns. What the first change comes to that is refused when the turn has come.
    Private(Option<ErrorKind>),
    /// In the segment.
    Segment,
    /// Nowhere: its turn had come, and a change was refused.
    Ended,
}

impl Course {
    pub fn begin(several: bool) -> Self {
        if several { Self::Private(None) } else { Self::Segment }
    }

    /// Checks what a change came to that should have done so; whether it was made, or will be.
    pub fn go_on(
        &mut self,
        transaction: &mut Transaction<'_>,
        step: &Step,
        done: std::result::Result<(), Refused>,
        result: Result<()>,
    ) -> bool {
        let result = result.map_err(|error| error.kind());
        if let Err(Refused::AtOnce(kind)) = done {
            assert_eq!(result, Err(kind));
            return false;
        }
        match *self {
            Self::Private(before) if step.takes_turn() => {
                if before.is_some() {
                    assert_eq!(result.err(), before);
                    *self = Self::Ended;
                    return false;
                }
                *self = Self::Segment;
                settled(step, done, result)
            }
            Self::Private(before) => {
                assert_eq!(result, Ok(()), "a refusal before the turn has come");
                let refused = done.err().map(Refused::kind);
                *self = Self::Private(before.or(refused));
                // Whether such a change is made is known when the turn has come.
                if step.may_fail(ErrorKind::CapacityExceeded) && refused.is_none() {
                    return self.take_turn(transaction, step);
                }
                refused.is_none()
            }
            Self::Segment => settled(step, done, result),
            Self::Ended => {
                assert_eq!(result, Err(ErrorKind::InvalidArgument));
                false
            }
        }
    }

    /// Lets the turn come, after a change that may fail then.
    fn take_turn(&mut self, transaction: &mut Transaction<'_>, step: &Step) -> bool {
        let Self::Private(before) = *self else { return true };
        let taken = transaction.base_version().map_err(|error| error.kind());
        *self = if taken.is_ok() { Self::Segment } else { Self::Ended };
        match (taken, before) {
            (Ok(_), before) => assert_eq!(before, None, "a change that should be refused"),
            (Err(kind), Some(before)) => assert_eq!(kind, before),
            (Err(kind), None) => assert!(step.may_fail(kind), "{step:?}: {kind:?}"),
        }
        taken.is_ok()
    }

    /// What the commit must come to.
    pub fn end(self) -> std::result::Result<(), ErrorKind> {
        match self {
            Self::Private(Some(kind)) => Err(kind),
            Self::Private(None) | Self::Segment => Ok(()),
            Self::Ended => Err(ErrorKind::InvalidArgument),
        }
    }
}

/// Checks what a change came to in the segment, or a version of its own; whether it was made.
pub fn settled(
    step: &Step,
    done: std::result::Result<(), Refused>,
    result: std::result::Result<(), ErrorKind>,
) -> bool {
    match (done, result) {
        (Ok(()), Err(kind)) => assert!(step.may_fail(kind), "{step:?}: {kind:?}"),
        (Ok(()), Ok(())) => {}
        (Err(refused), result) => assert_eq!(result, Err(refused.kind())),
    }
    result.is_ok()
}
