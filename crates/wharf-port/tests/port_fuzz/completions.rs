//! What comes back, compared with what may come back.

use crate::backends::Backend;
use crate::links::{Leave, LinkId, Side};
use crate::run::{EndId, InFlight, Purpose, Run, Target};
use wharf_base::Duration;
use wharf_port::{
    AcceptError, Completion, ConnectError, DetachedSocket, Event, OpId, Port, RecvBuf, RecvEnd,
    SendBatch, SendError, SocketId,
};

impl<B: Backend> Run<B> {
    /// One wait, for at most `room` completions.
    pub(crate) fn wait(&mut self, room: usize, patience: Duration) {
        let mut batch = Vec::with_capacity(room);
        let until = self.backend.now() + patience;
        self.port.wait(&mut batch, Some(until)).expect("waits");
        if batch.is_empty() {
            self.backend.pass_time();
        }
        for completion in batch {
            self.on_completion(completion);
        }
    }

    fn on_completion(&mut self, completion: Completion) {
        let Completion {
            token,
            op,
            more,
            event,
        } = completion;
        if let Event::Woken = event {
            return self.on_woken();
        }
        let purpose = if more {
            self.purposes.get(&token).copied()
        } else {
            self.purposes.remove(&token)
        };
        match (purpose.expect("a token in use"), event) {
            (Purpose::Accept, Event::Accepted(result)) => self.on_accepted(result, more),
            (Purpose::Connect { to, link, is_full }, Event::Connected(result)) => {
                self.on_connected(op, result, (to, link, is_full));
            }
            (Purpose::Recv(id), Event::Received(result)) => self.on_received(id, result, more),
            (Purpose::Send(id), Event::Sent { batch, result }) => self.on_sent(id, batch, result),
            (Purpose::Close(id), Event::Closed) => {
                self.tally.count("closed");
                if let Some(end) = id.and_then(|id| self.ends.remove(&id)) {
                    assert!(
                        end.recv.is_none() && end.send.is_none(),
                        "C6: Closed is last"
                    );
                }
            }
            (purpose, event) => panic!("{purpose:?} was answered by {event:?}"),
        }
    }

    fn on_woken(&mut self) {
        self.tally.count("woken");
        self.is_woken_owed = false;
        self.wakes_seen += 1;
        assert!(self.wakes_seen <= self.wakes_asked, "C11: nobody woke it");
    }

    fn on_accepted(&mut self, result: Result<DetachedSocket, AcceptError>, more: bool) {
        let armed = self.listener.accept.expect("its accept is armed");
        if !more {
            self.listener.accept = None;
        }
        match result {
            Ok(socket) => {
                self.tally.count("accepted");
                // A connection that was reset already does not say whose it was.
                if let Ok(from) = socket.peer_addr() {
                    let link = LinkId::from(from.ip());
                    self.links.accepted(link);
                    self.detached.push((socket, link));
                }
            }
            Err(AcceptError::Cancelled) => {
                assert!(armed.cancelled && !more, "nobody cancelled the accept");
                self.tally.count("accept cancelled");
            }
            Err(AcceptError::Connection(_)) => self.tally.count("accept failed"),
            Err(AcceptError::Resources(code)) => panic!("there are descriptors enough: {code}"),
        }
    }

    fn on_connected(
        &mut self,
        op: OpId,
        result: Result<SocketId, ConnectError>,
        (to, link, is_full): (Target, LinkId, bool),
    ) {
        let at = self.connects.iter().position(|noted| noted.op == op);
        let noted = self.connects.swap_remove(at.expect("it is in flight"));
        match result {
            Ok(socket) => {
                assert!(to != Target::Nobody && to != Target::Silence, "to whom?");
                self.tally.count("connected");
                return self.take_in(socket, link, Side::Client);
            }
            Err(ConnectError::Refused | ConnectError::PeerReset) => {
                assert!(
                    to == Target::Nobody || self.links.is_going(link, Side::Server),
                    "somebody listens, and yet: {result:?}"
                );
                self.tally.count("connect refused");
            }
            Err(ConnectError::Cancelled) => {
                assert!(noted.cancelled, "nobody cancelled the connect");
                self.tally.count("connect cancelled");
            }
            Err(ConnectError::Resources) => {
                assert!(is_full, "there was room for it");
                self.tally.count("connect without room");
            }
            Err(error) => panic!("connect: {error:?}"),
        }
        self.links.leave(link, Side::Client, Leave::InOrder);
    }

    fn on_received(&mut self, id: EndId, result: Result<RecvBuf, RecvEnd>, more: bool) {
        let end = self.ends.get_mut(&id).expect("C6: it is not closed");
        let armed = end.recv.expect("a receive is armed");
        if !more {
            end.recv = None;
        }
        let (link, from) = (end.link, end.side.other());
        match result {
            Ok(bytes) => {
                self.tally.count("received");
                self.links.arrived(link, from, &bytes);
                self.hold(bytes);
            }
            Err(RecvEnd::Cancelled) => {
                assert!(armed.cancelled, "nobody cancelled the receive");
                self.tally.count("recv cancelled");
            }
            Err(RecvEnd::Eof) => {
                self.tally.count("recv eof");
                // A reset is told once. If a send was told, receives see an end (`tcp(7)`).
                let is_told = end.broken || end.deaf || end.send.is_some();
                end.deaf = true;
                if !is_told {
                    self.links.saw_end(link, from);
                }
            }
            Err(RecvEnd::PeerReset) => {
                self.tally.count("recv reset");
                end.deaf = true;
                self.links.saw_reset(link, from);
            }
            Err(error) => panic!("receive: {error:?}"),
        }
    }

    fn on_sent(&mut self, id: EndId, mut batch: SendBatch, result: Result<u32, SendError>) {
        let end = self.ends.get_mut(&id).expect("C6: it is not closed");
        let InFlight { cancelled, .. } = end.send.take().expect("a send is in flight");
        let stream = self.links.stream(end.link, end.side);
        stream.in_flight = 0;
        match result {
            Ok(sent) => {
                stream.sent += u64::from(sent);
                batch.advance(sent);
                let is_short = !batch.is_empty();
                if is_short && !end.closing {
                    end.rest = Some(batch);
                }
                let what = if is_short { "sent short" } else { "sent whole" };
                self.tally.count(what);
                return;
            }
            Err(SendError::Cancelled) => {
                assert!(cancelled, "nobody cancelled the send");
                self.tally.count("send cancelled");
            }
            Err(SendError::PeerReset) => {
                self.tally.count("send reset");
                self.links.saw_reset(end.link, end.side.other());
            }
            Err(error) => panic!("send: {error:?}, cancelled: {cancelled}"),
        }
        self.links.stream(end.link, end.side).torn = true;
        end.broken = true;
    }
}
