//! The application that Civic knows, Civic's own keys, and what a client has to be told of both.

use openssl::bn::BigNum;
use openssl::ec::EcKey;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Public;
use serde::Serialize;

use super::setup::{CivicSipEnv, CivicSipSetup};
use crate::config::SandboxError;
use crate::keys::{EcPair, public_key};
use crate::origins::Origins;
use crate::seed::Seed;

/// Where Civic is on the sandbox's address.
const PLACE: &str = "civic-sip";

/// What a client is set up with.
#[derive(Clone, Debug, Serialize)]
pub struct CivicSipApplication {
    /// The application's id.
    pub app_id: String,
    /// Its secret: 16 bytes in hex.
    pub app_secret: String,
    /// Its P-256 private key: 32 bytes in hex. It belongs to `public_key` unless a key of one's own
    /// was pinned; then there is none.
    pub private_key: Option<String>,
    /// The public key that its request tokens are verified with: 65 bytes in hex.
    pub public_key: String,
    /// The only environment that it belongs to; either if none.
    pub env: Option<CivicSipEnv>,
    /// The API's base; `{env}/scopeRequest/authCode` follows, or `scopeRequest/authCode`.
    pub base_url: String,
    /// The audience of Civic's tokens.
    pub audience: String,
    /// The origin of pre-signed links.
    pub storage: String,
    /// Civic's key for ES256: a point of P-256, 65 bytes in hex.
    pub civic_public_key: String,
    /// Civic's key for ES256K: a point of secp256k1, likewise.
    pub civic_secp256k1_key: String,
}

/// A key of each curve.
#[derive(Debug)]
pub struct Pairs {
    /// P-256.
    pub es256: EcPair,
    /// secp256k1.
    pub es256k: EcPair,
}

impl Pairs {
    fn derive(seed: Seed, label: &str) -> Result<Self, ErrorStack> {
        let pair = |name, curve| EcPair::derive(seed, &format!("civic-sip/{label}/{name}"), curve);
        Ok(Self {
            es256: pair("es256", Nid::X9_62_PRIME256V1)?,
            es256k: pair("es256k", Nid::SECP256K1)?,
        })
    }
}

/// The application and the keys.
pub struct Application {
    /// What a client is told, the addresses as the sandbox itself has them.
    told: CivicSipApplication,
    /// What the audience is, if it does not follow from the address.
    audience: Option<String>,
    /// Verifies request tokens.
    pub key: EcKey<Public>,
    /// Civic's.
    pub civic: Pairs,
    /// Those of nobody that anybody trusts.
    pub forger: Pairs,
    /// Verify Civic's own tokens when they come back: P-256, secp256k1.
    pub civic_public: [EcKey<Public>; 2],
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Application({})", self.told.app_id)
    }
}

fn base(origins: &Origins) -> String {
    format!("{}/{PLACE}/", origins.api)
}

fn drawn(seed: Seed, what: &str, digits: usize) -> String {
    let hex = seed.hex(&format!("civic-sip/application/{what}"));
    hex.get(..digits).unwrap_or_default().to_owned()
}

impl Application {
    /// The application that the setup says, and for the rest the seed.
    pub fn derive(
        seed: Seed,
        setup: CivicSipSetup,
        origins: &Origins,
    ) -> Result<Self, SandboxError> {
        let pair = EcPair::derive(seed, "civic-sip/application/key", Nid::X9_62_PRIME256V1)?;
        let (key, public_key, private_key) = match setup.public_key {
            Some(hex) => {
                let point = BigNum::from_hex_str(&hex)?.to_vec();
                let key = public_key(&point, Nid::X9_62_PRIME256V1)?;
                (key, hex, None)
            }
            None => {
                let private = Some(pair.private_hex());
                (pair.public_key()?, pair.public_hex(), private)
            }
        };
        let app_secret = setup
            .app_secret
            .unwrap_or_else(|| drawn(seed, "secret", 32));
        if app_secret.len() != 32 || hex::decode(&app_secret).is_err() {
            return Err(SandboxError::CivicSip(
                "the application secret must be 32 hex digits",
            ));
        }
        let app_id = setup.app_id.unwrap_or_else(|| drawn(seed, "id", 9));
        if app_id.is_empty() {
            return Err(SandboxError::CivicSip("the application id is empty"));
        }
        let civic = Pairs::derive(seed, "civic")?;
        let base_url = base(origins);
        Ok(Self {
            told: CivicSipApplication {
                app_id,
                app_secret,
                private_key,
                public_key,
                env: setup.env,
                audience: setup.audience.clone().unwrap_or_else(|| base_url.clone()),
                base_url,
                storage: origins.storage.clone(),
                civic_public_key: civic.es256.public_hex(),
                civic_secp256k1_key: civic.es256k.public_hex(),
            },
            audience: setup.audience,
            key,
            civic_public: [civic.es256.public_key()?, civic.es256k.public_key()?],
            forger: Pairs::derive(seed, "forger")?,
            civic,
        })
    }

    /// What a client is told.
    pub const fn told(&self) -> &CivicSipApplication {
        &self.told
    }

    /// The same, by whoever sees Civic there.
    pub fn told_at(&self, origins: &Origins) -> CivicSipApplication {
        CivicSipApplication {
            base_url: base(origins),
            audience: self.audience_at(origins),
            storage: origins.storage.clone(),
            ..self.told.clone()
        }
    }

    /// The audience of tokens for whoever sees Civic there.
    pub fn audience_at(&self, origins: &Origins) -> String {
        let pinned = self.audience.clone();
        pinned.unwrap_or_else(|| base(origins))
    }

    /// Whether a request token's audience means this API, as whoever calls sees it: the base or the
    /// base with an environment, with or without a slash behind, whatever the scheme.
    pub fn is_audience(&self, audience: &str, origins: &Origins) -> bool {
        let bare = |url: &str| {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            rest.trim_end_matches('/').to_owned()
        };
        let given = bare(audience);
        let own = [base(origins), self.told.base_url.clone()];
        own.iter().chain(&self.audience).any(|base| {
            let base = bare(base);
            let stages = CivicSipEnv::ALL.map(|env| format!("{base}/{}", env.as_str()));
            given == base || stages.contains(&given)
        })
    }
}
