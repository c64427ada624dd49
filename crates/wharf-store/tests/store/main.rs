//! The store beside databases that are well, slow, damaged, gone and back again, and beside
//! operators. What it promises on every one of them is in `promises`.

#[cfg(all(target_os = "linux", feature = "postgres"))]
#[path = "../servers/authority.rs"]
mod authority;
#[path = "../bench/mod.rs"]
mod bench;
#[cfg(target_os = "linux")]
#[path = "../ledger/mod.rs"]
mod ledger;
#[cfg(target_os = "linux")]
#[path = "../servers/mod.rs"]
mod servers;

mod admin;
mod answers;
#[cfg(target_os = "linux")]
mod carry;
mod damage;
#[cfg(all(target_os = "linux", feature = "mysql", feature = "postgres"))]
mod faults;
#[cfg(all(target_os = "linux", feature = "redis"))]
mod redis;
#[cfg(target_os = "linux")]
mod remote;
#[cfg(all(target_os = "linux", feature = "postgres"))]
mod tls;
