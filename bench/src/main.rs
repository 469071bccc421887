//! Measures the services beside other ways to do the same: PostgreSQL alone, a bare axum, a FastAPI peer. Every figure
//! of the README is made again by `cargo run --release -p bench`. Not shipped, and no test: it asserts no time.
#![cfg_attr(
    target_os = "linux",
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::float_arithmetic,
        reason = "what is computed here are measurements, not money"
    ),
    allow(
        clippy::print_stderr,
        clippy::print_stdout,
        reason = "progress goes to stderr, results to stdout"
    )
)]

#[cfg(target_os = "linux")]
mod cli;
#[cfg(target_os = "linux")]
mod compare;
#[cfg(target_os = "linux")]
mod contender;
#[cfg(target_os = "linux")]
mod cpu;
#[cfg(target_os = "linux")]
mod drive;
#[cfg(target_os = "linux")]
mod guard;
#[cfg(target_os = "linux")]
mod http;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod scenario;
#[cfg(target_os = "linux")]
mod session;
#[cfg(target_os = "linux")]
mod soak;

/// The allocator of our services, for the axum beside them too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "main is the home of the environment"
    )]
    program::main(|name| std::env::var_os(name))
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::print_stderr, reason = "there is nothing else to say")]
fn main() -> std::process::ExitCode {
    eprintln!("error: the bench measures by epoll and /proc, which Linux alone has");
    std::process::ExitCode::FAILURE
}
