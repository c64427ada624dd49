//! What the services count, with threads and a store of their own.

use crate::rig::PATIENCE;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Instant;
use wharf_accounts::{AccountOptions, Accounts, Chance, SystemChance, UnknownId};
use wharf_base::SessionId;
use wharf_host::{
    ClassicLogin, HashWorkerOptions, Replies, ServiceDesk, ServiceReport, Services, StorePlaces,
    Switchboard,
};
use wharf_platform::{LoginEnd, LoginWay, Platform};
use wharf_store::{Place, StoreOptions};

/// Panics once.
struct Trap(Arc<AtomicBool>);

impl Chance for Trap {
    fn fill(&mut self, bytes: &mut [u8]) {
        assert!(!self.0.swap(false, Ordering::SeqCst), "planted");
        SystemChance.fill(bytes);
    }
}

fn report(desk: &ServiceDesk) -> ServiceReport {
    let (tell, told) = mpsc::channel();
    desk.report(Box::new(move |report| tell.send(report).unwrap()));
    told.recv_timeout(PATIENCE).expect("it turns")
}

/// Looks until it is so.
fn wait_for(desk: &ServiceDesk, is_so: impl Fn(&ServiceReport) -> bool) -> ServiceReport {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = report(desk);
        if is_so(&report) {
            return report;
        }
        assert!(Instant::now() < deadline, "{report:?}");
    }
}

#[test]
fn a_panic_of_the_services_is_counted_and_what_follows_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let places = StorePlaces {
        options: StoreOptions::default(),
        kept: Place::in_folder(folder.path()),
        short: None,
    };
    let trap = Arc::new(AtomicBool::new(true));
    let make = move || {
        let chance = Box::new(Trap(Arc::clone(&trap)));
        Platform::new(Accounts::new(AccountOptions::default(), chance), 0)
    };
    let hashing = HashWorkerOptions {
        threads: 1,
        queue_max: 9,
    };
    let desk = ServiceDesk::start(Box::new(make), &places, hashing, UnknownId::Registered);
    let desk = desk.unwrap();
    assert!(desk.wait_until_settled(PATIENCE));
    let replies = Replies::new(Arc::new(Switchboard::new(1, 1)));
    let log_in = |number| {
        let login = ClassicLogin {
            session: SessionId::from_bits(number),
            from: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user: "kim",
            password: "correct horse",
        };
        desk.log_in(login, &replies);
    };
    log_in(1);
    let broken = wait_for(&desk, |report| report.desk.panics > 0);
    assert_eq!((broken.desk.open, broken.desk.answered), (0, 1));
    assert_eq!(broken.platform.online, 0);
    // Until the new one has read what holds for the server, nobody logs in.
    let well = (2..)
        .map(|number| {
            log_in(number);
            wait_for(&desk, |report| report.desk.answered == number)
        })
        .find(|report| report.platform.online > 0)
        .expect("the numbers do not end");
    assert_eq!((well.desk.open, well.desk.panics), (0, 1));
    assert_eq!(well.platform.logins.of(LoginWay::Classic, LoginEnd::Ok), 1);
    assert_eq!(well.platform.logins.accounts_made, 1);
    assert_eq!((well.hashing.done, well.hashing.waiting_max), (1, 9));
    assert_eq!(well.store_kind, "sqlite");
    assert!(well.store.is_answering && well.store.answered > 0);
    let rest = well.store.failed + well.store.expired + well.store.refused_lost;
    assert_eq!(rest, 0, "nothing failed");
}
