//! What Civic gives a partner when it sets up their pass: ids, a secret, and a private key.

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use serde::Serialize;

use crate::keys::scalar;
use crate::origins::Origins;
use crate::seed::Seed;

/// The audience of Civic's access tokens.
const AUDIENCE: &str = "https://api.civic.com/pass";

/// The one partner of the sandbox, as Civic introduces itself to them.
#[derive(Clone, Debug, Serialize)]
pub struct CivicPassPartner {
    /// The partner's id: the widget's `partnerId`, and the issuer of partner JWTs.
    pub partner_id: String,
    /// The OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// What its tokens are for.
    pub audience: String,
    /// The pass's gatekeeper network.
    pub gatekeeper_network: String,
    /// The P-256 private key for partner JWTs, PKCS #8 in PEM. It belongs to `public_key` unless a
    /// key of one's own was pinned; then there is none.
    pub private_key_pem: Option<String>,
    /// The public key that partner JWTs are verified with: 65 bytes in hex.
    pub public_key: String,
    /// The token endpoint.
    pub token_url: String,
    /// The base of the OAuth client generation; `/piirequest/{id}` follows.
    pub api_base: String,
    /// The base of the partner JWT generation; `/{presentationRequestId}` follows.
    pub verify_base: String,
    /// The origin of pre-signed links.
    pub storage: String,
}

impl CivicPassPartner {
    /// The same, by whoever sees Civic there.
    pub(super) fn seen_at(&self, Origins { api, storage }: &Origins) -> Self {
        Self {
            token_url: format!("{api}/civic-pass/oauth/token"),
            api_base: format!("{api}/civic-pass/partner"),
            verify_base: format!("{api}/civic-pass/verify"),
            storage: storage.clone(),
            ..self.clone()
        }
    }
}

/// The partner and their key.
pub struct Partner {
    /// What they are told.
    pub told: CivicPassPartner,
    /// What verifies their JWTs.
    pub key: EcKey<Public>,
}

impl std::fmt::Debug for Partner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Partner({})", self.told.partner_id)
    }
}

fn drawn(seed: Seed, what: &str, digits: usize) -> String {
    let hex = seed.hex(&format!("civic-pass/partner/{what}"));
    hex.get(..digits).unwrap_or_default().to_owned()
}

impl Partner {
    /// The partner that the seed gives; with a public key of their own, if there is one.
    pub fn derive(seed: Seed, pinned: Option<&str>, origins: &Origins) -> Result<Self, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let mut ctx = BigNumContext::new()?;
        let (public, private_key_pem) = match pinned {
            Some(hex) => {
                let bytes = BigNum::from_hex_str(hex)?.to_vec();
                (EcPoint::from_bytes(&group, &bytes, &mut ctx)?, None)
            }
            None => {
                let mut order = BigNum::new()?;
                group.order(&mut order, &mut ctx)?;
                let private = scalar(&seed.bytes("civic-pass/partner/key"), &order)?;
                let mut public = EcPoint::new(&group)?;
                public.mul_generator2(&group, &private, &mut ctx)?;
                let pair = EcKey::from_private_components(&group, &private, &public)?;
                let pem = PKey::from_ec_key(pair)?.private_key_to_pem_pkcs8()?;
                (public, Some(String::from_utf8_lossy(&pem).into_owned()))
            }
        };
        let key = EcKey::from_public_key(&group, &public)?;
        key.check_key()?;
        let form = PointConversionForm::UNCOMPRESSED;
        let public_key = hex::encode(public.to_bytes(&group, form, &mut ctx)?);
        let told = CivicPassPartner {
            partner_id: drawn(seed, "id", 9),
            client_id: drawn(seed, "client-id", 32),
            client_secret: drawn(seed, "client-secret", 64),
            audience: AUDIENCE.to_owned(),
            gatekeeper_network: format!("tgn{}", drawn(seed, "network", 40)),
            private_key_pem,
            public_key,
            token_url: String::new(),
            api_base: String::new(),
            verify_base: String::new(),
            storage: String::new(),
        };
        let told = told.seen_at(origins);
        Ok(Self { told, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_key_is_taken_in_either_encoding_and_what_is_no_point_of_the_curve_is_refused() {
        let origins = Origins {
            api: "http://a:1".to_owned(),
            storage: "http://a:2".to_owned(),
        };
        let derive = |pinned: Option<&str>| Partner::derive(Seed(1), pinned, &origins);
        let own = derive(None).unwrap().told;
        assert!(own.private_key_pem.is_some());
        let key = &own.public_key;
        let odd = key.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']);
        let compressed = format!("{}{}", if odd { "03" } else { "02" }, &key[2..66]);
        for pinned in [key, &compressed] {
            let told = derive(Some(pinned)).unwrap().told;
            assert_eq!((&told.public_key, told.private_key_pem), (key, None));
        }
        let off_curve = format!("{}{}", &key[..128], if odd { "00" } else { "01" });
        for wrong in ["", "00", "04ab", "nonsense", &off_curve] {
            assert!(derive(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
