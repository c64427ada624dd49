//! A server of one's own: rooms in which whoever says `/roll` rolls a die. It is the first example
//! of `docs/CONTENT.md`.

use std::process::ExitCode;
use wharf::chat::{tell_arrival, tell_departure};
use wharf::content::{Handled, LeaveReason, MemberId, Room, RoomCx};
use wharf::wire::classic::{
    ChatNotify, ChatRequest, ChatText, ResultCode, UserName, chat_response,
};

#[derive(Default)]
struct DiceTable {
    rolled: u32,
}

impl Room for DiceTable {
    fn on_join(&mut self, cx: &mut RoomCx<'_>, who: MemberId) {
        tell_arrival(cx, who);
    }

    fn on_leave(&mut self, cx: &mut RoomCx<'_>, who: MemberId, why: LeaveReason) {
        tell_departure(cx, who, why);
    }
}

impl DiceTable {
    fn say(&mut self, cx: &mut RoomCx<'_>, from: MemberId, line: ChatRequest) -> Handled {
        let mut message = line.message;
        if message.as_str() == "/roll" {
            self.rolled += 1;
            let sum = cx.rng().range(1..7);
            message = ChatText::truncated(&format!("rolls {sum}, roll {}", self.rolled));
        }
        cx.reply(&chat_response(ResultCode::None));
        let user = UserName::truncated(cx.name(from));
        cx.broadcast(&ChatNotify { user, message });
        Ok(())
    }
}

fn main() -> ExitCode {
    wharf::serve(|app| {
        let table = app.room::<DiceTable>("table").rooms(10).on(DiceTable::say);
        let kind = table.kind();
        wharf::chat::foyer(app, kind);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf::content::TestRoom;

    #[test]
    fn whoever_says_roll_rolls_a_die_for_all_to_see() {
        // No network, a virtual clock, chance from the seed 7.
        let mut table = TestRoom::<DiceTable>::new(7).on(DiceTable::say);
        let (ann, bob) = (table.join("ann"), table.join("bob"));
        let message = ChatText::truncated("/roll");
        table.send(ann, &ChatRequest { message });
        let heard = table.received::<ChatNotify>(bob);
        assert_eq!(heard[0].user.as_str(), "ann");
        assert!(heard[0].message.as_str().starts_with("rolls "));
        assert_eq!(table.room().unwrap().rolled, 1);
    }
}
