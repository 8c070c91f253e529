//! A connector that plays back the recording's beginning: it has the item verified, opens the
//! request with the recorded expiration, and remembers where it was told to call.

use std::net::SocketAddr;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::recorded::{EXPIRATION, ITEM, USER};

/// Where it was told to call.
#[derive(Deserialize)]
pub struct Order {
    user: String,
    items: Vec<String>,
    expiration: i64,
    /// With data.
    pub callback: String,
    /// With a status.
    #[serde(rename = "statusCallback")]
    pub status_callback: String,
}

/// A listening connector. Ends with the runtime of its test.
pub struct Connector {
    /// Where it listens.
    pub address: SocketAddr,
    orders: mpsc::Receiver<Order>,
}

impl Connector {
    /// Begins to listen.
    pub async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (order, orders) = mpsc::channel(8);
        let router = Router::new()
            .route("/api/v1/blockchain/verified", post(verified))
            .route("/api/v1/kyc/qrcode", post(qr_code))
            .with_state(order);
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, orders }
    }

    /// The next request that it was asked to open.
    pub async fn order(&mut self) -> Order {
        let order = self.orders.recv().await.unwrap();
        assert_eq!(order.user, USER);
        assert_eq!(order.items, [ITEM]);
        assert_eq!(order.expiration, EXPIRATION);
        order
    }
}

async fn verified() -> Json<Value> {
    Json(json!({ "verifiedItems": [ITEM] }))
}

async fn qr_code(
    State(orders): State<mpsc::Sender<Order>>,
    Json(order): Json<Order>,
) -> Json<Value> {
    orders.send(order).await.unwrap();
    Json(json!({
        "link": format!("corepass:request/{USER}?dl={EXPIRATION}&attr={ITEM}&type=callback&id=1"),
        "expiration": EXPIRATION,
    }))
}
