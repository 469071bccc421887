//! Settings from names and texts (the process's environment), all checked at once.
//!
//! A settings struct reads itself from a [`Reader`], which remembers each setting it was asked for:
//! the table in the README is made from that memory.

mod common;
mod reader;
mod secrets;

pub use common::{
    AuthMode, AuthSettings, CommonSettings, DatabaseSettings, IssuerUrl, LogFilter, LogFormat,
    LogSettings, RateSettings, ServerSettings, TokenSettings,
};
pub use reader::{Reader, SettingRow, SettingsError};
pub(crate) use secrets::LOOK_PAUSE;
pub use secrets::{SecretError, SecretSource};
