//! Damage to messages, of the kinds that a reader of protobuf may get wrong.
//!
//! In: an encoded message and a source of choices. Out: other bytes. Half of the kinds break the framing; the other half take the message
//! apart and put it together again with right lengths, so that the damage gets past the first check.

/// A source of choices that ends in zeros.
pub(crate) struct Choices<'a>(pub(crate) std::slice::Iter<'a, u32>);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.0.next().map_or(0, |choice| *choice as usize % bound.max(1))
    }
}

/// Keys, lengths and values at the edges of what is allowed.
const ODD: &[&[u8]] = &[
    &[0x00],
    &[0x80],
    &[0xFF],
    &[0x80, 0x00],
    &[0x81, 0x80, 0x00],
    &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02],
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    // A field that nobody knows, of each wire type; groups open, closed, and closed as another.
    &[0xA0, 0x06, 0x01],
    &[0xA1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8],
    &[0xA2, 0x06, 0x02, 0xC3, 0x28],
    &[0xA3, 0x06],
    &[0xA4, 0x06],
    &[0xA3, 0x06, 0x08, 0x01, 0xA4, 0x06],
    &[0xA3, 0x06, 0xA3, 0x06, 0xA4, 0x06, 0xA4, 0x06],
    &[0xA3, 0x06, 0xAC, 0x06],
    &[0xA5, 0x06, 1, 2, 3, 4],
    &[0xA6, 0x06],
    // Keys of 32 bits and of more.
    &[0xFA, 0xFF, 0xFF, 0xFF, 0x0F, 0x00],
    &[0xF8, 0xFF, 0xFF, 0xFF, 0x1F, 0x00],
    // Number 0, an empty message, and the end of a group that was not begun.
    &[0x02, 0x00],
    &[0x0A, 0x00],
    &[0x0C],
    // Key 9 (attributes of a span) in two bytes.
    &[0xCA, 0x00, 0x00],
];

/// Damages `message` once.
pub(crate) fn damage(message: &mut Vec<u8>, choices: &mut Choices<'_>) {
    let at = choices.below(message.len() + 1);
    match choices.below(10) {
        0 => message.truncate(at),
        1 => {
            if let Some(byte) = message.get_mut(at) {
                *byte = choices.0.next().map_or(0, |choice| choice.to_le_bytes()[0]);
            }
        }
        2 => {
            if let Some(byte) = message.get_mut(at) {
                *byte ^= 1 << choices.below(8);
            }
        }
        3 => {
            let end = (at + choices.below(24)).min(message.len());
            let part = message[at..end].to_vec();
            let to = choices.below(message.len() + 1);
            message.splice(to..to, part);
        }
        4 => _ = message.splice(at..at, ODD[choices.below(ODD.len())].iter().copied()),
        _ => *message = rebuild(message, choices, 0),
    }
}

/// Takes a message apart, damages its list of fields or one of its inner messages, and puts it together again.
fn rebuild(message: &[u8], choices: &mut Choices<'_>, level: u32) -> Vec<u8> {
    let Some(mut fields) = apart(message) else {
        return message.to_vec();
    };
    if fields.is_empty() {
        return ODD[choices.below(ODD.len())].to_vec();
    }
    let index = choices.below(fields.len());
    // Deeper three times of four, where there is something deeper.
    if level < 12
        && choices.below(4) > 0
        && let Some(inner) = fields[index].content.clone()
        && apart(&inner).is_some_and(|inner| !inner.is_empty())
    {
        fields[index].content = Some(rebuild(&inner, choices, level + 1));
        return together(&fields);
    }
    let other = choices.below(fields.len());
    match choices.below(8) {
        0 => fields.swap(index, other),
        1 => {
            let again = fields[index].clone();
            fields.insert(other, again);
        }
        2 => _ = fields.remove(index),
        3 => fields[index].key = fields[other].clone().key,
        4 => fields[index].key[0] ^= 1 << choices.below(7),
        5 => {
            // The last byte with a continuation bit, and a zero behind it: the same number, longer.
            let key = &mut fields[index].key;
            key.last_mut().into_iter().for_each(|byte| *byte |= 0x80);
            key.push(0);
        }
        6 => {
            // In two pieces, as a sender may write a message.
            let Some(content) = fields[index].content.clone() else { return together(&fields) };
            let Some(inner) = apart(&content) else { return together(&fields) };
            let (first, second) = inner.split_at(choices.below(inner.len() + 1));
            let key = fields[index].key.clone();
            fields[index].content = Some(together(first));
            fields.insert(other, Field { key, plain: Vec::new(), content: Some(together(second)) });
        }
        _ => {
            let odd = ODD[choices.below(ODD.len())];
            match &mut fields[index].content {
                Some(content) => content.extend_from_slice(odd),
                None => fields[index].plain.extend_from_slice(odd),
            }
        }
    }
    together(&fields)
}

#[derive(Clone)]
struct Field {
    key: Vec<u8>,
    /// The value of a field that is not length-delimited.
    plain: Vec<u8>,
    content: Option<Vec<u8>>,
}

fn apart(mut rest: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let mut field = Field { key: key.0, plain: Vec::new(), content: None };
        match key.1 & 7 {
            0 => field.plain = varint(&mut rest)?.0,
            1 => field.plain = take(&mut rest, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?.1).ok()?;
                field.content = Some(take(&mut rest, length)?);
            }
            5 => field.plain = take(&mut rest, 4)?,
            _ => return None,
        }
        fields.push(field);
    }
    Some(fields)
}

fn together(fields: &[Field]) -> Vec<u8> {
    let mut message = Vec::new();
    for field in fields {
        message.extend_from_slice(&field.key);
        message.extend_from_slice(&field.plain);
        if let Some(content) = &field.content {
            prost::encoding::encode_varint(content.len() as u64, &mut message);
            message.extend_from_slice(content);
        }
    }
    message
}

fn varint(rest: &mut &[u8]) -> Option<(Vec<u8>, u64)> {
    let mut after = *rest;
    let value = prost::encoding::decode_varint(&mut after).ok()?;
    let bytes = take(rest, rest.len() - after.len())?;
    Some((bytes, value))
}

fn take(rest: &mut &[u8], length: usize) -> Option<Vec<u8>> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken.to_vec())
}
