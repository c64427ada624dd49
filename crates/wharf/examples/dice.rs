//! A server of one's own: rooms in which whoever says `/roll` rolls a die.

use std::process::ExitCode;
use wharf::chat::{tell_arrival, tell_departure};
use wharf::content::{Handled, LeaveReason, MemberId, Room, RoomCx};
use wharf::wire::classic::{
    ChatNotify, ChatRequest, ChatText, ResultCode, UserName, chat_response,
};

#[derive(Default)]
struct DiceTable;

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
        let message = match line.message.as_str() {
            "/roll" => ChatText::truncated(&format!("rolls {}", cx.rng().range(1..7))),
            _ => line.message,
        };
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
