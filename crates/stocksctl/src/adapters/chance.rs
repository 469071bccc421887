//! The system's randomness.

use anyhow::{Result, anyhow};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| anyhow!("the system has no randomness"))?;
    Ok(bytes)
}
