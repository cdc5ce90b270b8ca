//! What the requests of the three signals have in common: resources, in them scopes, in them items.
//!
//! In: a request. Out: calls in a fixed order, whatever the order on the wire: a resource, its scopes, the items of each. The
//! message of a resource or a scope may come in pieces, anywhere; so each level is first crossed by lengths alone.

use super::WireError;
use super::reader::{Payload, REQUEST_DEPTH, Reader, room_for_unknown, text};
use super::schema::{RESOURCE, SCOPE, check_inner};
use super::value::{Attributes, Value, next};

/// Levels left in the content of a resource group (`ResourceSpans`).
const RESOURCE_DEPTH: u32 = REQUEST_DEPTH - 1;
/// Levels left in the content of a scope group (`ScopeSpans`).
const SCOPE_DEPTH: u32 = RESOURCE_DEPTH - 1;
/// Levels left in the content of an item (`Span`, `LogRecord`, `Metric`).
pub(super) const ITEM_DEPTH: u32 = SCOPE_DEPTH - 1;

/// The numbers are the same for the three signals.
const OWNER: u32 = 1;
const MEMBERS: u32 = 2;
const SCHEMA_URL: u32 = 3;
/// Field `MEMBERS`, length-delimited.
const MEMBERS_KEY: u8 = 0x12;

/// What a signal does with its request.
pub(super) trait Signal<'a> {
    fn resource_begin(&mut self);
    fn resource_attribute(&mut self, key: &'a str, value: Value<'a>);
    fn resource_end(&mut self);
    fn scope(&mut self, name: &'a str, version: &'a str);
    fn item(&mut self, item: &'a [u8]) -> Result<(), WireError>;
}

/// Walks an export request.
#[inline]
pub(super) fn request<'a, S: Signal<'a>>(bytes: &'a [u8], signal: &mut S) -> Result<(), WireError> {
    let mut fields = Reader::new(bytes);
    while let Some((number, payload)) = fields.field(REQUEST_DEPTH)? {
        match (number, payload) {
            (1, Payload::Bytes(group)) => resource_group(group, signal)?,
            (1, _) => return Err(WireError::WireType),
            _ => {}
        }
    }
    Ok(())
}

fn resource_group<'a, S: Signal<'a>>(group: &'a [u8], signal: &mut S) -> Result<(), WireError> {
    signal.resource_begin();
    outline(group, RESOURCE_DEPTH, |resource| {
        check_inner(resource, &RESOURCE, RESOURCE_DEPTH)?;
        Attributes::new(resource, 1).iter().for_each(|(key, value)| signal.resource_attribute(key, value));
        Ok(())
    })?;
    signal.resource_end();
    members(group, |scope_group_bytes| scope_group(scope_group_bytes, signal))
}

fn scope_group<'a, S: Signal<'a>>(group: &'a [u8], signal: &mut S) -> Result<(), WireError> {
    let (mut name, mut version) = ("", "");
    outline(group, SCOPE_DEPTH, |scope| {
        check_inner(scope, &SCOPE, SCOPE_DEPTH)?;
        let mut fields = Reader::new(scope);
        while let Some((number, payload)) = next(&mut fields) {
            match (number, payload) {
                (1, Payload::Bytes(bytes)) => name = text(bytes)?,
                (2, Payload::Bytes(bytes)) => version = text(bytes)?,
                _ => {}
            }
        }
        Ok(())
    })?;
    signal.scope(name, version);
    members(group, |item| signal.item(item))
}

/// Crosses a group: all of it but its members is checked, and `owner` is called for each piece of its resource or scope.
#[inline]
fn outline<'a>(
    group: &'a [u8],
    depth: u32,
    mut owner: impl FnMut(&'a [u8]) -> Result<(), WireError>,
) -> Result<(), WireError> {
    let mut fields = Reader::new(group);
    loop {
        while fields.bytes_of(MEMBERS_KEY)?.is_some() {}
        let Some((number, payload)) = fields.field(depth)? else { return Ok(()) };
        match (number, payload) {
            (OWNER, Payload::Bytes(bytes)) => owner(bytes)?,
            (MEMBERS, Payload::Bytes(_)) => {}
            (SCHEMA_URL, Payload::Bytes(bytes)) => _ = text(bytes)?,
            (OWNER..=SCHEMA_URL, _) => return Err(WireError::WireType),
            _ => room_for_unknown(depth)?,
        }
    }
}

/// Visits the members of a group that `outline` has crossed.
#[inline]
fn members<'a>(group: &'a [u8], mut member: impl FnMut(&'a [u8]) -> Result<(), WireError>) -> Result<(), WireError> {
    let mut fields = Reader::new(group);
    loop {
        while let Some(bytes) = fields.bytes_of(MEMBERS_KEY)? {
            member(bytes)?;
        }
        match next(&mut fields) {
            Some((MEMBERS, Payload::Bytes(bytes))) => member(bytes)?,
            Some(_) => {}
            None => return Ok(()),
        }
    }
}
