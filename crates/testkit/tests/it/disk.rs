//! A disk that is full when a test says so.

use std::{fs, io::ErrorKind};

use testkit::{SmallDisk, postgres::Server};

#[test]
fn a_small_disk_is_filled_freed_and_gone_when_it_is_dropped() {
    let disk = SmallDisk::mount(1);
    let folder = disk.path().to_owned();
    for file in ["one", "two"] {
        let file = disk.path().join(file);
        disk.fill();
        let refused = fs::write(&file, "more").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageFull);
        disk.free();
        fs::write(&file, "more").unwrap();
    }
    drop(disk);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_server_keeps_its_data_on_a_small_disk() {
    let disk = SmallDisk::mount(160);
    let mut server = Server::start_on(&disk).await;
    assert!(disk.path().join("data/PG_VERSION").exists());
    server.restart_if_ended().await;
    server.kill().await;
    server.restart_if_ended().await;
    server.database().await.connect().await;
}
