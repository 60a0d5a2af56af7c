//! A place for one value, set once, without a lock: a fork never finds it half set, as it may find a `OnceLock`.

use core::marker::PhantomData;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Empty, or a value that stays where it is for as long as this lives.
#[derive(Debug)]
pub(crate) struct SetOnce<T> {
    /// Null, or from `Box::into_raw`, and then never changed.
    value: AtomicPtr<T>,
    owns: PhantomData<T>,
}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        Self { value: AtomicPtr::new(null_mut()), owns: PhantomData }
    }
}

impl<T: Send + Sync> SetOnce<T> {
    /// The value, if there is one.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: (outside the invariants) null, or a box's value, which lives as long as `self`; its making was
        // released when it was set.
        unsafe { self.value.load(Ordering::Acquire).as_ref() }
    }

    /// Sets the value, unless there is one; the value that there is.
    pub(crate) fn get_or_set(&self, value: T) -> &T {
        let new = Box::into_raw(Box::new(value));
        let set = self.value.compare_exchange(null_mut(), new, Ordering::AcqRel, Ordering::Acquire);
        let value = match set {
            Ok(_) => new,
            Err(first) => {
                // SAFETY: (outside the invariants) from `Box::into_raw` right above, and seen by nobody else.
                drop(unsafe { Box::from_raw(new) });
                first
            }
        };
        // SAFETY: (outside the invariants) as in `get`.
        unsafe { &*value }
    }
}

impl<T> Drop for SetOnce<T> {
    fn drop(&mut self) {
        let value = *self.value.get_mut();
        if !value.is_null() {
            // SAFETY: (outside the invariants) from `Box::into_raw`, and nobody borrows it any more.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SetOnce;
    use std::sync::Arc;

    #[test]
    fn first_value_stays_and_each_is_dropped_once() {
        let values = [Arc::new(1), Arc::new(2)];
        let place = SetOnce::default();
        assert!(place.get().is_none());
        for value in &values {
            assert_eq!(**place.get_or_set(Arc::clone(value)), 1);
        }
        assert_eq!(values.each_ref().map(Arc::strong_count), [2, 1]);
        drop(place);
        assert_eq!(values.each_ref().map(Arc::strong_count), [1, 1]);
    }
}
