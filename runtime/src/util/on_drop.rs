//! A guard that calls a function when it is dropped.

/// Calls its function when it is dropped, unless it was [disarmed](Self::disarm) before.
pub(crate) struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    pub(crate) fn new(function: F) -> Self {
        Self(Some(function))
    }

    /// Drops the guard without calling the function.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(function) = self.0.take() {
            function();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_function_is_called_unless_the_guard_is_disarmed() {
        let calls = Cell::new(0);
        drop(OnDrop::new(|| calls.set(calls.get() + 1)));
        assert_eq!(calls.get(), 1);
        OnDrop::new(|| calls.set(calls.get() + 1)).disarm();
        assert_eq!(calls.get(), 1);
    }
}
