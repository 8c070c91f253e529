//! What the provider calls us with.

use bytes::Bytes;
use serde_json::{Value, json};
use verilane_core::{Pii, Timestamp};
use verilane_engine::{Engine, Taken};
use verilane_provider::Refusal;

use super::puppet::{MARK, StartCall};

/// A callback's body.
#[derive(Clone, Debug)]
pub struct Body(pub Value);

impl Body {
    /// A status, about the request that can be accepted until then.
    pub fn status(word: &str, expiry: Timestamp) -> Self {
        Self(json!({ "mark": MARK, "status": word, "expiration": expiry.as_secs() }))
    }

    pub fn failure(word: &str, expiry: Timestamp) -> Self {
        Self::status(word, expiry).with("failure", json!(true))
    }

    /// Values by field, each with a pepper.
    pub fn data(items: &[(&str, &str)], expiry: Timestamp) -> Self {
        let items: serde_json::Map<String, Value> = items
            .iter()
            .map(|(field, value)| {
                let item = json!({ "value": value, "pepper": format!("pepper of {value}") });
                ((*field).to_owned(), item)
            })
            .collect();
        Self(json!({ "mark": MARK, "items": items, "expiration": expiry.as_secs() }))
    }

    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.0[member] = value;
        self
    }

    pub fn forged(self) -> Self {
        self.with("mark", json!("made up"))
    }

    pub fn bytes(&self) -> Bytes {
        self.0.to_string().into()
    }
}

impl StartCall {
    /// The secret part of the URL for statuses.
    pub fn status_path(&self) -> Pii<String> {
        path(&self.status_url)
    }

    /// The secret part of the URL for data.
    pub fn data_path(&self) -> Pii<String> {
        path(&self.data_url)
    }

    /// Reports a status of this request.
    pub async fn report(&self, engine: &Engine, word: &str) -> Result<Taken, Refusal> {
        let body = Body::status(word, self.expiry);
        call(engine, &self.status_path(), &body).await
    }

    /// Delivers the data of this request.
    pub async fn deliver(&self, engine: &Engine, items: &[(&str, &str)]) -> Result<Taken, Refusal> {
        let body = Body::data(items, self.expiry);
        call(engine, &self.data_path(), &body).await
    }

    /// Plays a run that succeeds, to its end.
    pub async fn succeed(&self, engine: &Engine) {
        for word in ["ACCEPTED", "INITIATED", "CONFIRMED"] {
            self.report(engine, word).await.unwrap();
        }
        let items: Vec<_> = self
            .fields
            .iter()
            .map(|f| (f.as_str(), "a value"))
            .collect();
        self.deliver(engine, &items).await.unwrap();
        self.report(engine, "FINISH_SUCCESS").await.unwrap();
    }
}

fn path(url: &str) -> Pii<String> {
    let path = url.strip_prefix(super::BASE).unwrap();
    Pii::from(path.strip_prefix('/').unwrap())
}

/// Calls a path.
pub async fn call(engine: &Engine, path: &Pii<String>, body: &Body) -> Result<Taken, Refusal> {
    let place = engine.callback_path(path).await?;
    let content_type = Some("application/json".to_owned());
    engine
        .take_callback(&place, content_type, body.bytes())
        .await
}
