//! A reader that stops costs its own budget and its own session: memory of the process and of the
//! kernel, and nobody else's time.

#![cfg(target_os = "linux")]

use crate::support::{BACKENDS, Client, PATIENCE, Server};
use socket2::{Domain, Socket, Type};
use std::fs;
use std::net::SocketAddr;
use wharf::wire::classic::{ResultCode, UserListNotify};

/// The least that the server takes.
const QUEUE_KIB: u64 = 64;
/// In the process: four times that at once, in memory that grows by doubling and is there twice
/// while it does, and the batch that is leaving; as much again for what the rest of a server takes
/// when it pleases. A reader that is never cut would hold all that is said.
const PROCESS_KIB_MAX: u64 = 32 * QUEUE_KIB;
/// In the kernel, on both ends of the connection: the unsent bytes that the server lets it hold
/// (16 KiB, and what one call brings), and the reader's small buffer.
const KERNEL_KIB_MAX: u64 = 2 * QUEUE_KIB;
/// What is said: several times all that.
const SAID_KIB: u64 = 80 * QUEUE_KIB;
/// Lines that are said at once; each comes back as two frames.
const BURST: u64 = 16;
const LINE_BYTES: u64 = 295;
/// Bursts between two looks at the memory: a fraction of what the queue holds.
const LOOK_AFTER: u64 = 8;

#[test]
fn a_reader_that_stops_costs_its_budget_and_its_session_alone() {
    for backend in BACKENDS {
        let mut server = Server::start(
            backend,
            &[
                &format!("limits.send_queue_bytes={}", QUEUE_KIB * 1024),
                "limits.inbound_packets_per_second=0",
                "limits.inbound_bytes_per_second=0",
            ],
        );
        // It takes memory too, and at a slow machine's start later than others.
        server.wait_for_log(&["the store is open"]);
        let mut witness = server.connect();
        assert_eq!(witness.log_in("witness"), ResultCode::None);
        let mut talker = server.connect();
        assert_eq!(talker.log_in("talker"), ResultCode::None);
        assert_eq!(talker.enter(0), ResultCode::None);
        talker.read::<UserListNotify>();
        // What a talk costs at all is taken before: each receive takes another of 1,024 buffers.
        (0..1_100).for_each(|_| say_and_hear(&mut talker));

        let mut reader = connect_with_small_buffer(server.address);
        assert_eq!(reader.log_in("reader"), ResultCode::None);
        assert_eq!(reader.enter(0), ResultCode::None);
        reader.read::<UserListNotify>();
        talker.read_frame();
        let before = resident_kib(server.child.id());
        let (mut process, mut kernel) = (0, 0);
        for _ in 0..SAID_KIB * 1024 / LINE_BYTES / BURST / LOOK_AFTER {
            (0..LOOK_AFTER).for_each(|_| say_and_hear(&mut talker));
            witness.assert_serves();
            process = process.max(resident_kib(server.child.id()).saturating_sub(before));
            kernel = kernel.max(kernel_bytes(&reader, server.address) / 1024);
        }
        assert!(process <= PROCESS_KIB_MAX, "{backend}: {process} KiB");
        assert!(
            kernel <= KERNEL_KIB_MAX,
            "{backend}: {kernel} KiB in the kernel"
        );
        assert!(kernel > 0, "nothing was seen of the connection");
        server.wait_for_log(&["slow-reader"]);
    }
}

/// Says some lines and reads all that comes of them, whoever leaves meanwhile.
fn say_and_hear(talker: &mut Client) {
    (0..BURST).for_each(|_| talker.say("as long as any line"));
    let mut own = 0;
    while own < BURST * 2 {
        let (id, _) = talker.read_frame();
        own += u64::from(id != wharf::wire::classic::id::LEAVE_USER_NOTIFY);
    }
}

fn connect_with_small_buffer(address: SocketAddr) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    Client {
        stream: socket.into(),
    }
}

/// `proc_pid_status(5)`, VmRSS.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let mut words = line.expect("a process has memory").split_whitespace();
    words.next().unwrap().parse().unwrap()
}

/// Bytes in the queues of both ends of one connection (`proc_net(5)`, tcp). The sum over all
/// sockets, in /proc/net/sockstat, would count what else this machine does.
fn kernel_bytes(client: &Client, server: SocketAddr) -> u64 {
    let client = format!(":{:04X}", client.stream.local_addr().unwrap().port());
    let server = format!(":{:04X}", server.port());
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let connections = table.lines().filter_map(|line| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let [_, from, to, _, queues, ..] = columns[..] else {
            return None;
        };
        let is_ours = |from: &str, to: &str| from.ends_with(&client) && to.ends_with(&server);
        (is_ours(from, to) || is_ours(to, from)).then(|| {
            let queues = queues
                .split(':')
                .map(|queue| u64::from_str_radix(queue, 16));
            queues.map(Result::unwrap).sum::<u64>()
        })
    });
    connections.sum()
}
