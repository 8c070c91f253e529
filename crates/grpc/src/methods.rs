//! The table of every method that this server answers, read from the descriptors, so that it can't
//! differ from the protos.

use std::collections::HashMap;
use std::sync::Arc;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use verilane_telemetry::value::OTHER;

/// One method.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Method {
    /// Its full name, `package.Service/Method`.
    pub(crate) name: Arc<str>,
    /// Whether it answers with a stream.
    pub(crate) is_stream: bool,
}

/// The methods by their paths.
#[derive(Debug)]
pub(crate) struct Methods {
    by_path: HashMap<String, Method>,
    /// Stands for all paths that are no method, so that callers can't invent metrics.
    unknown: Method,
}

impl Methods {
    /// All methods of the services in these encoded descriptor sets.
    pub(crate) fn of(descriptors: &[&[u8]]) -> Result<Self, prost::DecodeError> {
        let mut by_path = HashMap::new();
        for encoded in descriptors {
            for file in FileDescriptorSet::decode(*encoded)?.file {
                for service in &file.service {
                    for method in &service.method {
                        let name =
                            format!("{}.{}/{}", file.package(), service.name(), method.name());
                        let method = Method {
                            name: name.as_str().into(),
                            is_stream: method.server_streaming(),
                        };
                        by_path.insert(format!("/{name}"), method);
                    }
                }
            }
        }
        let unknown = Method {
            name: OTHER.into(),
            is_stream: false,
        };
        Ok(Self { by_path, unknown })
    }

    /// The method at a path.
    pub(crate) fn get(&self, path: &str) -> Option<&Method> {
        self.by_path.get(path)
    }

    /// The method at a path, or what stands for none.
    pub(crate) fn get_or_unknown(&self, path: &str) -> &Method {
        self.get(path).unwrap_or(&self.unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_knows_streams_and_gives_strangers_one_name() {
        let methods = Methods::of(&[
            verilane_api::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
        ])
        .unwrap();
        let service = "/verilane.verification.v1.VerificationService";
        let get = methods.get(&format!("{service}/GetVerification")).unwrap();
        assert_eq!(
            &*get.name,
            "verilane.verification.v1.VerificationService/GetVerification"
        );
        assert!(!get.is_stream);
        assert!(
            methods
                .get(&format!("{service}/WatchVerification"))
                .unwrap()
                .is_stream
        );
        assert!(methods.get("/grpc.health.v1.Health/Check").is_some());
        assert_eq!(methods.get(&format!("{service}/Frobnicate")), None);
        assert_eq!(&*methods.get_or_unknown("/a/b").name, "_OTHER");
    }
}
