//! Whether each receiver hears every sender's messages once and in order.

/// What each receiver of one room has heard of each of its senders.
pub struct Order {
    per_room: usize,
    /// `[receiver * per_room + sender in the room]`: the serial that comes next.
    next: Vec<u32>,
}

impl Order {
    /// For `count` clients, `per_room` to a room in the order of their numbers.
    pub fn new(count: usize, per_room: usize) -> Self {
        Self {
            per_room,
            next: vec![0; count * per_room],
        }
    }

    /// Takes note of a delivery.
    ///
    /// # Errors
    /// When it is from another room, came before, or others are missing before it.
    pub fn heard(&mut self, receiver: usize, sender: u32, serial: u32) -> Result<(), String> {
        let sender = sender as usize;
        if receiver / self.per_room != sender / self.per_room {
            return Err(format!(
                "client {receiver} heard client {sender}, who is in another room"
            ));
        }
        let next = &mut self.next[receiver * self.per_room + sender % self.per_room];
        let expected = *next;
        if serial != expected {
            let what = if serial < expected {
                "again"
            } else {
                "too early"
            };
            return Err(format!(
                "client {receiver} heard message {serial} of client {sender} {what}: {expected} was next"
            ));
        }
        *next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_for_each_sender_and_receiver() {
        let mut order = Order::new(4, 2);
        assert_eq!(order.heard(0, 1, 0), Ok(()));
        assert_eq!(order.heard(1, 1, 0), Ok(()));
        assert_eq!(order.heard(0, 1, 1), Ok(()));
        assert_eq!(order.heard(0, 0, 0), Ok(()));
    }

    #[test]
    fn loss_repetition_and_strangers_are_errors() {
        let mut order = Order::new(4, 2);
        assert!(order.heard(0, 1, 1).unwrap_err().contains("too early"));
        assert_eq!(order.heard(0, 1, 0), Ok(()));
        assert!(order.heard(0, 1, 0).unwrap_err().contains("again"));
        assert!(order.heard(0, 2, 0).unwrap_err().contains("another room"));
    }
}
