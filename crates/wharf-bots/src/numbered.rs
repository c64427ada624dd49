//! A list whose places are `u32`, as the numbers of bots, rooms and seats are.

use core::ops::{Index, IndexMut};

/// A list of things with numbers, from 0.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<T>(Vec<T>);

impl<T> Numbered<T> {
    /// How many there are.
    pub(crate) fn len(&self) -> u32 {
        self.0.len() as u32
    }

    /// Every number.
    pub(crate) fn numbers(&self) -> core::ops::Range<u32> {
        0..self.len()
    }

    /// Every thing, by number.
    pub(crate) fn iter(&self) -> core::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// The thing with that number, if there is one.
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.0.get(number as usize)
    }

    /// As many of `value` as to make `number` a place.
    pub(crate) fn reach(&mut self, number: u32, value: T)
    where
        T: Clone,
    {
        if self.len() <= number {
            self.0.resize(number as usize + 1, value);
        }
    }
}

impl<T: Clone> Numbered<T> {
    /// `count` times `value`.
    pub(crate) fn of(value: T, count: u32) -> Self {
        Self(vec![value; count as usize])
    }
}

impl<T> From<Vec<T>> for Numbered<T> {
    fn from(list: Vec<T>) -> Self {
        Self(list)
    }
}

impl<T> Index<u32> for Numbered<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        &self.0[number as usize]
    }
}

impl<T> IndexMut<u32> for Numbered<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        &mut self.0[number as usize]
    }
}
