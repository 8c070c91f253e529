//! The one source of secret randomness: the cryptographic library's generator, seeded by the
//! system. Nonces come from the same library, inside the cipher.

use aws_lc_rs::error::Unspecified;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// 32 bytes that nobody can guess, wiped on drop.
pub fn secret() -> Result<Zeroizing<[u8; 32]>, Unspecified> {
    let mut bytes = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

/// 256 unguessable bits as 43 characters of `A-Z a-z 0-9 - _`.
pub fn path() -> Result<String, Unspecified> {
    Ok(URL_SAFE_NO_PAD.encode(secret()?.as_slice()))
}
