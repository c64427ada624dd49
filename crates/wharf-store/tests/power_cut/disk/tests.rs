//! That the disk forgets what it may, and nothing else.

use super::*;

fn disk(seed: u64) -> Disk {
    Disk::new(Image::new(), Rng::from_seed(seed))
}

#[test]
fn what_was_synced_is_there_after_every_cut() {
    for seed in 0..100 {
        let mut disk = disk(seed);
        disk.create("a").unwrap();
        disk.write("a", 0, b"kept").unwrap();
        disk.sync("a").unwrap();
        disk.write("a", 4, b" or not").unwrap();
        disk.cut();
        for _ in 0..10 {
            assert_eq!(disk.write("a", 0, b"lost"), Err(PowerIsOff));
            assert_eq!(disk.delete("a", true), Err(PowerIsOff));
        }
        disk.power_on();
        assert!(disk.bytes("a").starts_with(b"kept"), "seed {seed}");
    }
}

#[test]
fn what_was_not_synced_is_there_sometimes_and_in_part_sometimes() {
    let (mut whole, mut none, mut part) = (0, 0, 0);
    for seed in 0..400 {
        let mut disk = disk(seed);
        disk.create("a").unwrap();
        disk.sync("a").unwrap();
        disk.write("a", 0, &[7; 3 * SECTOR]).unwrap();
        disk.cut();
        disk.power_on();
        match disk.bytes("a").iter().filter(|&&byte| byte == 7).count() {
            0 => none += 1,
            all if all == 3 * SECTOR => whole += 1,
            some => {
                assert_eq!(some % SECTOR, 0, "seed {seed}: a sector is whole");
                part += 1;
            }
        }
    }
    assert!(
        whole > 20 && none > 20 && part > 20,
        "{whole} {none} {part}"
    );
}

#[test]
fn a_cut_comes_at_its_operation_and_a_file_that_was_open_is_lost() {
    let mut disk = disk(1);
    let life = disk.life().unwrap();
    disk.create("a").unwrap();
    disk.cut_after(2);
    disk.write("a", 0, b"one").unwrap();
    assert_eq!(disk.sync("a"), Err(PowerIsOff));
    assert_eq!(disk.write("a", 0, b"two"), Err(PowerIsOff));
    assert_eq!(disk.bytes("a"), b"one");
    assert_eq!(disk.counts().cuts, 1);
    disk.power_on();
    assert_eq!(disk.check(life), Err(PowerIsOff));
    assert_eq!(disk.check(disk.life().unwrap()), Ok(()));
}

#[test]
fn a_file_that_was_deleted_may_be_back_unless_its_folder_was_synced() {
    let mut back = 0;
    for seed in 0..100 {
        for is_synced in [false, true] {
            let mut disk = disk(seed);
            disk.create("a").unwrap();
            disk.sync("a").unwrap();
            disk.delete("a", is_synced).unwrap();
            disk.cut();
            disk.power_on();
            assert!(!(is_synced && disk.exists("a")), "seed {seed}");
            back += u32::from(disk.exists("a"));
        }
    }
    assert!(back > 10, "{back}");
}

#[test]
fn a_new_journal_that_is_synced_brings_its_folder_with_it() {
    let mut lost = 0;
    for seed in 0..100 {
        for journal in ["a-wal", "a-other"] {
            let mut disk = disk(seed);
            disk.create("a").unwrap();
            disk.create(journal).unwrap();
            disk.write(journal, 0, b"kept").unwrap();
            disk.sync(journal).unwrap();
            disk.cut();
            disk.power_on();
            assert_eq!(disk.bytes(journal), b"kept", "seed {seed}");
            assert!(disk.exists("a") || journal == "a-other", "seed {seed}");
            lost += u32::from(!disk.exists("a"));
        }
    }
    assert!(lost > 10, "{lost}");
}

#[test]
fn a_name_means_the_old_file_or_the_new_and_never_something_of_both() {
    let (mut old, mut new) = (0, 0);
    for seed in 0..200 {
        let mut disk = disk(seed);
        disk.create("a").unwrap();
        disk.write("a", 0, b"old").unwrap();
        disk.sync("a").unwrap();
        disk.delete("a", false).unwrap();
        disk.create("a").unwrap();
        disk.write("a", 3, b"new").unwrap();
        disk.cut();
        disk.power_on();
        match disk.bytes("a") {
            b"old" => old += 1,
            b"\0\0\0new" => new += 1,
            b"" => {}
            other => panic!("seed {seed}: {other:?}"),
        }
    }
    assert!(old > 20 && new > 5, "{old} {new}");
}
