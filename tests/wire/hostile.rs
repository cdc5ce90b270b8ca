//! Messages written by hand, each at an edge: what a hostile or careless sender could send.
//!
//! `prost` says what is right for each; where the answer is known, it is stated too, so that the yardstick is measured as well.

use crate::oracle;
use coroner::otlp::wire::{Span, SpanVisitor, Value, WireError, traces};
use prost::Message;

/// A field with a length.
fn field(number: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(number << 3 | 2, &mut bytes);
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

/// A request of any signal with one item.
fn request(item: &[u8]) -> Vec<u8> {
    field(1, &field(2, &field(2, item)))
}

/// A request with one span that has one attribute.
fn with_attribute(key_value: &[u8]) -> Vec<u8> {
    request(&field(9, key_value))
}

struct Nothing;

impl<'a> SpanVisitor<'a> for Nothing {
    fn span_attribute(&mut self, _key: &'a str, _value: Value<'a>) {}
    fn span(&mut self, _span: &Span<'a>) {}
}

fn refused(bytes: &[u8]) -> Option<WireError> {
    oracle::compare(bytes);
    traces(bytes, &mut Nothing).err()
}

#[test]
fn an_empty_request_is_fine() {
    assert_eq!(refused(&[]), None);
    assert_eq!(refused(&request(&[])), None);
}

#[test]
fn varints_of_ten_bytes_may_carry_one_bit_in_the_last() {
    for (last, error) in [(0x00, None), (0x01, None), (0x02, Some(WireError::Varint)), (0x80, Some(WireError::Varint))]
    {
        let mut kind = vec![0x30];
        kind.extend([0x80; 9]);
        kind.push(last);
        assert_eq!(refused(&request(&kind)), error, "last byte {last:#x}");
        // The same as the value of an attribute, which takes another path.
        let mut value = vec![0x18];
        value.extend([0xFF; 9]);
        value.push(last);
        let attribute = [field(1, b"k"), field(2, &value)].concat();
        assert_eq!(refused(&with_attribute(&attribute)), error, "attribute, last byte {last:#x}");
    }
}

#[test]
fn lengths_may_be_longer_than_needed_but_not_than_the_message() {
    assert_eq!(refused(&request(&[0x2A, 0x83, 0x00, b'a', b'b', b'c'])), None);
    assert_eq!(refused(&request(&[0x2A, 0x04, b'a', b'b', b'c'])), Some(WireError::Truncated));
    assert_eq!(
        refused(&request(&[0x2A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])),
        Some(WireError::Truncated)
    );
    assert_eq!(refused(&request(&[0x2A])), Some(WireError::Varint));
    // An inner message that reaches past its outer one, although the request has the bytes.
    let mut bytes = field(1, &[0x12, 0x04, 0x12, 0x00]);
    bytes.extend(field(1, &[0x1A, 0x02, b'x', b'y']));
    assert_eq!(refused(&bytes), Some(WireError::Truncated));
}

#[test]
fn keys_have_a_number_and_32_bits() {
    assert_eq!(refused(&request(&[0x02, 0x00])), Some(WireError::Key), "number 0");
    assert_eq!(refused(&request(&[0x80, 0x00, 0x00])), Some(WireError::Key), "number 0, longer");
    assert_eq!(refused(&request(&[0xF8, 0xFF, 0xFF, 0xFF, 0x0F, 0x00])), None, "the highest number");
    assert_eq!(refused(&request(&[0xF8, 0xFF, 0xFF, 0xFF, 0x1F, 0x00])), Some(WireError::Key), "33 bits");
    assert_eq!(refused(&request(&[0xA6, 0x06])), Some(WireError::Key), "wire type 6");
    assert_eq!(refused(&request(&[0x37, 0x01])), Some(WireError::Key), "wire type 7 of a known field");
}

#[test]
fn known_fields_have_one_wire_type() {
    for item in [
        &[0x08, 0x01][..],                     // trace_id as a varint
        &[0x28, 0x01],                         // name as a varint
        &[0x32, 0x01, 0x00],                   // kind with a length
        &[0x38, 0x01],                         // start time as a varint
        &[0x3A, 8, 0, 0, 0, 0, 0, 0, 0, 0],    // start time, packed
        &[0x4D, 0, 0, 0, 0],                   // attributes as 32 bits
        &[0x4B, 0x4C],                         // attributes as a group
        &[0x81, 0x01, 0, 0, 0, 0, 0, 0, 0, 0], // flags as 64 bits
        &[0x7A, 0x02, 0x18 | 2, 0x00],         // status code with a length
    ] {
        assert_eq!(refused(&request(item)), Some(WireError::WireType), "{item:02x?}");
    }
}

#[test]
fn unknown_fields_are_passed_over() {
    for item in [
        &[0xA0, 0x06, 0x01][..],
        &[0xA1, 0x06, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0xA2, 0x06, 0x02, 0xC3, 0x28],
        &[0xA3, 0x06, 0xA4, 0x06],
        &[0xA3, 0x06, 0x0A, 0x01, 0xFF, 0x0D, 1, 2, 3, 4, 0xA3, 0x06, 0xA4, 0x06, 0xA4, 0x06],
        &[0xA5, 0x06, 0, 0, 0, 0],
    ] {
        assert_eq!(refused(&request(item)), None, "{item:02x?}");
        assert_eq!(refused(item), None, "at the top, {item:02x?}");
    }
    for item in [&[0xA3, 0x06, 0xAC, 0x06][..], &[0xA4, 0x06], &[0xA3, 0x06, 0x0C]] {
        assert_eq!(refused(&request(item)), Some(WireError::Group), "{item:02x?}");
    }
    assert!(refused(&request(&[0xA3, 0x06])).is_some(), "a group without an end");
    assert!(refused(&request(&[0xA3, 0x06, 0xA0, 0x06])).is_some(), "a group that ends in a field");
}

/// `levels` arrays or maps, one in the other; the innermost value is `core`.
fn nested(levels: u32, map: bool, core: &[u8]) -> Vec<u8> {
    (0..levels).fold(core.to_vec(), |inner, _| {
        if map { field(6, &field(1, &field(2, &inner))) } else { field(5, &field(1, &inner)) }
    })
}

#[test]
fn nesting_ends_where_prost_ends_it() {
    for map in [false, true] {
        for core in [&[][..], &[0x18, 0x01], &[0x0A, 0x01, b'x'], &[0xA0, 0x06, 0x01], &[0xA3, 0x06, 0xA4, 0x06]] {
            let outcomes: Vec<bool> = (25..60)
                .map(|levels| refused(&with_attribute(&field(2, &nested(levels, map, core)))).is_none())
                .collect();
            assert!(outcomes[0] && !outcomes[34], "the limit lies between");
            assert!(outcomes.is_sorted_by(|shallow, deep| shallow >= deep), "and there is one limit");
            for levels in 25..60 {
                let value = nested(levels, map, core);
                oracle::compare(&request(&field(5, &value)));
                oracle::compare(&field(1, &field(1, &field(1, &field(2, &value)))));
            }
        }
    }
}

#[test]
fn groups_nest_as_deep_as_messages() {
    for depth in 90..105 {
        let mut group = [0xA3, 0x06].repeat(depth);
        group.extend([0xA0, 0x06, 0x01]);
        group.extend([0xA4, 0x06].repeat(depth));
        oracle::compare(&group);
        oracle::compare(&request(&group));
        oracle::compare(&with_attribute(&group));
    }
    // Far past the limit: refused, not a stack overflow.
    assert_eq!(refused(&vec![0xA3; 1 << 20]), Some(WireError::Varint));
    assert_eq!(refused(&[0xA3, 0x06].repeat(1 << 20)), Some(WireError::Depth));
}

#[test]
fn the_last_value_of_a_field_wins_and_messages_are_merged() {
    let text = |value: &str| field(1, value.as_bytes());
    let array = |value: &str| field(5, &field(1, &text(value)));
    let map = |key: &str| field(6, &field(1, &field(1, key.as_bytes())));
    let key = field(1, b"k");
    for values in [
        vec![text("a"), text("b")],
        vec![array("a"), array("b")],
        vec![map("a"), map("b")],
        vec![text("a"), array("b"), array("c")],
        vec![array("a"), text("b"), array("c")],
        vec![array("a"), vec![0x40, 0x01], array("b")],
        vec![array("a"), map("b"), array("c"), array("d")],
        vec![array("a"), vec![0xA0, 0x06, 0x01], array("b")],
        vec![map("a"), vec![]],
        vec![array("a"), vec![0x18, 0x05]],
        vec![vec![0x18, 0x05], vec![0x18, 0x07]],
        vec![vec![0x18, 0x85, 0x01], vec![0x10, 0x01]],
        vec![vec![0x10, 0x01], vec![0x10, 0x00]],
        vec![vec![0x21, 1, 0, 0, 0, 0, 0, 0, 0], text("a")],
    ] {
        // All in one `AnyValue`; each in its own; two and two; in front of the key; as elements of an array.
        let together = values.concat();
        let apart: Vec<u8> = values.iter().flat_map(|value| field(2, value)).collect();
        let pairs: Vec<u8> = values.chunks(2).flat_map(|pair| field(2, &pair.concat())).collect();
        for attribute in [
            [&key[..], &field(2, &together)].concat(),
            [&key[..], &apart].concat(),
            [&key[..], &pairs].concat(),
            [&pairs[..], &key].concat(),
            [&apart[..], &key, &apart, &key].concat(),
            [&key[..], &field(2, &field(5, &field(1, &together)))].concat(),
        ] {
            assert_eq!(refused(&with_attribute(&attribute)), None);
            oracle::compare(&request(&field(6, &attribute)));
        }
        let bodies: Vec<u8> = values.iter().flat_map(|value| field(5, value)).collect();
        oracle::compare(&request(&bodies));
    }
}

#[test]
fn resources_and_scopes_may_come_late_and_in_pieces() {
    let attribute = |key: &[u8]| field(1, &field(1, key));
    let span = field(2, &field(5, b"GET"));
    let scope = [span.clone(), field(1, &field(1, b"name")), span, field(1, &field(2, b"version"))].concat();
    let group = [field(2, &scope), field(1, &attribute(b"a")), field(2, &scope), field(1, &attribute(b"b"))].concat();
    assert_eq!(refused(&field(1, &group)), None);
}

#[test]
fn kinds_of_metric_data_replace_each_other_and_pieces_of_one_kind_are_merged() {
    let point = |value: u8| field(1, &[0x31, value, 0, 0, 0, 0, 0, 0, 0]);
    let gauge = |value: u8| field(5, &point(value));
    let sum = |value: u8, rest: &[u8]| field(7, &[&point(value)[..], rest].concat());
    for metric in [
        [gauge(1), gauge(2)].concat(),
        [gauge(1), sum(2, &[0x10, 0x02]), gauge(3)].concat(),
        [sum(1, &[0x18, 0x01]), sum(2, &[0x10, 0x02]), sum(3, &[])].concat(),
        [sum(1, &[0x18, 0x01, 0x10, 0x02]), gauge(2), sum(3, &[])].concat(),
        // Both values of a point: the last one counts.
        field(5, &field(1, &[0x21, 1, 0, 0, 0, 0, 0, 0, 0, 0x31, 2, 0, 0, 0, 0, 0, 0, 0])),
        // Bucket counts packed, not packed, and packed with a broken end.
        field(9, &field(1, &[0x32, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0x31, 2, 0, 0, 0, 0, 0, 0, 0])),
        field(9, &field(1, &[0x32, 7, 1, 0, 0, 0, 0, 0, 0])),
        field(10, &field(1, &field(8, &[0x12, 3, 0x01, 0x80, 0x01, 0x10, 0x05]))),
        field(10, &field(1, &field(8, &[0x12, 2, 0x01, 0x80]))),
    ] {
        oracle::compare(&request(&metric));
    }
}

#[test]
fn text_is_utf8_wherever_it_stands() {
    let bad: &[u8] = &[b'a', 0xC3];
    let attribute = field(1, bad);
    let event = |content: &[u8]| request(&field(11, content));
    for bytes in [
        request(&field(5, bad)),
        request(&field(3, bad)),
        with_attribute(&attribute),
        with_attribute(&field(2, &field(1, bad))),
        with_attribute(&[field(1, b"k"), field(2, &field(5, &field(1, &field(1, bad))))].concat()),
        event(&field(2, bad)),
        event(&field(3, &attribute)),
        request(&field(13, &field(3, bad))),
        request(&field(13, &field(4, &attribute))),
        request(&field(15, &field(2, bad))),
        field(1, &field(3, bad)),
        field(1, &field(2, &field(3, bad))),
        field(1, &field(2, &field(1, &field(1, bad)))),
        field(1, &field(2, &field(1, &field(3, &attribute)))),
        field(1, &field(1, &field(1, &attribute))),
        field(1, &field(1, &field(3, &field(4, bad)))),
    ] {
        assert_eq!(refused(&bytes), Some(WireError::Utf8), "{bytes:02x?}");
    }
    // Bytes fields may hold anything; a character may not be cut by the end of a string.
    assert_eq!(refused(&request(&field(1, bad))), None);
    let cut = [field(1, &[b'k', 0xC3]), field(2, &field(1, &[0xA9]))].concat();
    assert_eq!(refused(&with_attribute(&cut)), Some(WireError::Utf8));
}

#[test]
fn attributes_like_those_of_the_span_before_are_read_anew_where_they_differ() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    let attribute = |key: String, value: i64| KeyValue {
        key,
        value: Some(AnyValue { value: Some(any_value::Value::IntValue(value)) }),
        ..KeyValue::default()
    };
    // More attributes than are remembered; keys and values that change now and then; spans of different length.
    let spans = (0..20)
        .map(|span| Span {
            attributes: (0..30 + span % 7)
                .map(|at| attribute(format!("key{}", at * (1 + span % 3)), at / (1 + span % 2)))
                .collect(),
            ..Span::default()
        })
        .collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    assert_eq!(refused(&ExportTraceServiceRequest { resource_spans }.encode_to_vec()), None);
}

#[test]
fn half_an_attribute_is_not_remembered_for_the_next_one() {
    // A name with an empty value in one span, an empty attribute at its place in the next.
    let empty_value = [field(1, b"a"), field(2, &[])].concat();
    let spans = [empty_value.as_slice(), &[]].map(|attribute| field(2, &field(9, attribute)));
    assert_eq!(refused(&field(1, &field(2, &spans.concat()))), None);
}
