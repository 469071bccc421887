//! What breaks: the service is killed or stopped, PostgreSQL goes away, a disk is full, a client hangs up. Nothing acknowledged is lost.

mod downloads;
mod draining;
mod full_disk;
mod hang_up;
mod killed;
mod postgres_away;
mod stopping;
mod stuck;
mod wire;
