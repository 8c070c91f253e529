//! What the connector answers to requests.
