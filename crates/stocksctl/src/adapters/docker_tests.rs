//! The docker command, with a script in its place that keeps what it was called with.

use super::*;

fn docker(folder: &Path) -> Docker {
    Docker {
        folder: folder.to_path_buf(),
        context: None,
        helper_image: "registry.example/postgres:15".to_owned(),
    }
}

#[test]
fn the_helper_is_the_image_of_the_databases() {
    let folder = tempfile::tempdir().unwrap();
    let image = |given: &str| helper_image(Some(&given.to_owned()), folder.path());
    assert_eq!(image(""), DEFAULT_POSTGRES_IMAGE);
    assert_eq!(helper_image(None, folder.path()), DEFAULT_POSTGRES_IMAGE);
    for (kept, expected) in [
        ("POSTGRES_IMAGE=mirror/postgres:15", "mirror/postgres:15"),
        (
            "export POSTGRES_IMAGE=\"mirror/postgres:15\"\n",
            "mirror/postgres:15",
        ),
        ("POSTGRES_IMAGE=one\nPOSTGRES_IMAGE='two'\n", "two"),
        (
            "# POSTGRES_IMAGE=one\nOTHER_POSTGRES_IMAGE=two\n",
            DEFAULT_POSTGRES_IMAGE,
        ),
        ("POSTGRES_IMAGE=\n", DEFAULT_POSTGRES_IMAGE),
    ] {
        std::fs::write(folder.path().join(".env"), kept).unwrap();
        assert_eq!(image(""), expected, "{kept}");
        assert_eq!(image("of-the-shell"), "of-the-shell", "{kept}");
    }
}

#[test]
fn a_log_is_shown_with_lines_of_bounded_length() {
    let long = "x".repeat(2 * SHOWN_CHARACTERS);
    let shown = quote_lines(&format!("first\n{long}\n"));
    assert_eq!(
        shown,
        format!("\n    first\n    {}", "x".repeat(SHOWN_CHARACTERS))
    );
    assert_eq!(quote_lines(""), "");
}

#[test]
fn a_command_is_told_as_it_is_typed() {
    let mut docker = docker(Path::new("."));
    assert_eq!(docker.typed(), "docker");
    docker.context = Some("far".to_owned());
    assert_eq!(docker.typed(), "docker --context far");
}
