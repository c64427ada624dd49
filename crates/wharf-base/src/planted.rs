//! Faults on purpose: each must be found by the tests, or by the simulator, that claim to find its
//! like.

#[cfg(not(feature = "canary"))]
use core::marker::PhantomData;

/// Which of some faults is planted, if one is.
///
/// Without the feature `canary` none ever is, and nobody can plant one: it takes no room, and what
/// asks for it is left out of the program.
///
/// ```
/// #[derive(Clone, Copy, PartialEq)]
/// enum Fault {
///     ShortSend,
/// }
/// let planted = wharf_base::Planted::default();
/// assert!(!planted.is(Fault::ShortSend));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planted<F> {
    #[cfg(feature = "canary")]
    fault: Option<F>,
    #[cfg(not(feature = "canary"))]
    fault: PhantomData<F>,
}

impl<F> Default for Planted<F> {
    /// None is.
    fn default() -> Self {
        Self {
            #[cfg(feature = "canary")]
            fault: None,
            #[cfg(not(feature = "canary"))]
            fault: PhantomData,
        }
    }
}

#[cfg(feature = "canary")]
impl<F> From<Option<F>> for Planted<F> {
    fn from(fault: Option<F>) -> Self {
        Self { fault }
    }
}

impl<F: Copy + PartialEq> Planted<F> {
    /// Whether it is this one.
    #[inline]
    pub fn is(self, fault: F) -> bool {
        #[cfg(feature = "canary")]
        return self.fault == Some(fault);
        #[cfg(not(feature = "canary"))]
        {
            let _ = fault;
            false
        }
    }
}

#[cfg(not(feature = "canary"))]
const _: () = assert!(size_of::<Planted<u64>>() == 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_planted_that_nobody_has_planted() {
        assert!(!Planted::default().is(1));
    }

    #[cfg(feature = "canary")]
    #[test]
    fn what_is_planted_is_and_nothing_else() {
        let planted = Planted::from(Some(1));
        assert!(planted.is(1));
        assert!(!planted.is(2));
    }
}
