//! Who is who: places that are used again, and names that never are.

/// Names one session, and no other, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId {
    index: usize,
    generation: u32,
}

impl SessionId {
    /// Its place, which others had before it.
    #[must_use]
    pub fn index(self) -> usize {
        self.index
    }
}

/// A table of sessions with a limit.
///
/// Invariant: each place is free or taken; its generation is that of whoever has it, or of who will
/// have it next.
pub struct Sessions<S> {
    places: Vec<(u32, Option<S>)>,
    free: Vec<usize>,
}

impl<S> Sessions<S> {
    /// Places for `count` sessions.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Sessions {
            places: std::iter::repeat_with(|| (0, None)).take(count).collect(),
            free: (0..count).rev().collect(),
        }
    }

    /// Takes a place for what `make` makes of its id; `None` if all are taken.
    pub fn insert(&mut self, make: impl FnOnce(SessionId) -> S) -> Option<SessionId> {
        let index = self.free.pop()?;
        let (generation, place) = &mut self.places[index];
        let id = SessionId {
            index,
            generation: *generation,
        };
        *place = Some(make(id));
        Some(id)
    }

    /// The session of that name, if it is still here.
    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut S> {
        let (generation, session) = self.places.get_mut(id.index)?;
        session.as_mut().filter(|_| *generation == id.generation)
    }

    /// Whoever is at that place.
    pub fn at_mut(&mut self, index: usize) -> Option<&mut S> {
        self.places.get_mut(index)?.1.as_mut()
    }

    /// Frees the session's place. Its name finds nothing from here on.
    pub fn remove(&mut self, id: SessionId) -> Option<S> {
        self.get_mut(id)?;
        let (generation, place) = &mut self.places[id.index];
        *generation += 1;
        self.free.push(id.index);
        place.take()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.places.len() - self.free.len()
    }
}
