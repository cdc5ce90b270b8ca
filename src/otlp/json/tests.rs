//! Vectors of the JSON mapping, one row of the OTLP checklist each.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::to_protobuf;
use crate::otlp::signal::Signal;

#[test]
fn an_empty_object_is_an_empty_request() {
    let converted = to_protobuf(Signal::Traces, b"{}", 1000).unwrap();
    assert_eq!(converted.warning, "");
    assert_eq!(ExportTraceServiceRequest::decode(&converted.body[..]).unwrap(), ExportTraceServiceRequest::default());
}
