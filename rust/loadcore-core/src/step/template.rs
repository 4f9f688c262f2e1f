//! Templates: text with slots, parsed once and rendered for each request.

use super::builtins::{Builtin, Builtins};
use super::encode::{self, Encoding};
use super::variables::{Names, Slot, Variables};
use crate::block::{self, Block};
use crate::json::is_json;

/// What a slot begins with that is a variable of the environment: `{$env.NAME}`.
const ENVIRONMENT: &str = "$env.";

/// The environment variables that a string names.
pub(crate) fn environment_variables(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').filter_map(|slot| slot.strip_prefix(ENVIRONMENT)?.split_once('}')).map(|(name, _)| name)
}

/// Where a string is used, which decides how it and its slots are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// A URL or a part of one, path and query: slots are percent-encoded, the text keeps its delimiters.
    Path,
    /// Name or value of a query parameter: text and slots are percent-encoded.
    Query,
    /// A header's value: CR, LF and NUL are refused.
    Header,
    /// The content of a JSON string: text and slots are escaped.
    Json,
    /// Name or value of a form field: text and slots are encoded.
    Form,
    /// Within the quotes of a multipart body's names: text and slots are escaped.
    Quoted,
    /// Anything else: text and slots as they are.
    Text,
}

/// Why a string is not a template. Positions are bytes from the text's start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateProblem {
    /// A `{` without its `}`.
    #[error("the `{{` at position {at} is not closed; a literal brace is written `{{{{`")]
    NotClosed {
        /// Where.
        at: usize,
    },
    /// A `}` without its `{`.
    #[error("the `}}` at position {at} closes nothing; a literal brace is written `}}}}`")]
    NotOpened {
        /// Where.
        at: usize,
    },
    /// Not a name of a variable.
    #[error(
        "the `{{` at position {at} does not begin a variable: a name has letters, digits, `_`, `-` and `.` only, or is a feeder's column; a literal brace is written `{{{{`"
    )]
    BadName {
        /// Where. What stands between the braces may be part of a secret.
        at: usize,
    },
    /// Not a built-in.
    #[error(
        "the `{{$` at position {at} does not begin a built-in; there are $uuid, $counter, $now, $now_ms, $random(least,most), $user, $iteration and $env.NAME"
    )]
    UnknownBuiltin {
        /// Where.
        at: usize,
    },
    /// A filter that does not exist or makes no sense here.
    #[error(
        "the variable at position {at} has a filter that cannot be used here: `:raw` is for URLs, `:json` for a whole string of a JSON body"
    )]
    BadFilter {
        /// Where.
        at: usize,
    },
    /// A line end or NUL in a URL or header.
    #[error("a URL or header cannot hold a line end or NUL")]
    LineEnd,
    /// The environment lacks a variable.
    #[error("the environment variable {0} is not set, or is not UTF-8")]
    NoVariable(String),
    /// The environment variable's value is nothing, or nothing but white space.
    #[error("the environment variable {0} is empty")]
    EmptyVariable(String),
    /// The environment variable's value may not appear in a URL or header.
    #[error("the environment variable {0} holds a line end or NUL, which a URL or header cannot hold")]
    VariableOfLines(String),
}

/// Why a template could not be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RenderError {
    /// The variable has no value.
    #[error("a variable has no value")]
    Unset(Slot),
    /// The variable's value is not allowed there: CR, LF or NUL in a head, a space in a raw part of a URL, or bytes
    /// that are not UTF-8 as a JSON value.
    #[error("a variable's value is not allowed there")]
    Refused(Slot),
    /// The variable's value must be a URL, and is not one.
    #[error("a variable's value does not lead anywhere: {1}")]
    LeadsNowhere(Slot, &'static str),
}

impl RenderError {
    /// The variable that is to blame.
    #[must_use]
    pub(crate) const fn slot(self) -> Slot {
        match self {
            Self::Unset(slot) | Self::Refused(slot) | Self::LeadsNowhere(slot, _) => slot,
        }
    }
}

/// A parsed text: pieces that are always the same, and slots between them. Neighbouring pieces are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    segments: Box<[Segment]>,
    /// All static pieces, one after another.
    bytes: Box<[u8]>,
}

/// A static piece, which may be empty, and what comes after it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    /// What the piece begins with: most pieces are not longer.
    block: Block,
    /// Where the piece begins in the static bytes.
    begin: usize,
    length: usize,
    then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Variable(Slot, Encoding),
    /// A variable as a JSON value.
    Json(Slot),
    Builtin(Builtin, Encoding),
    End,
}

impl Template {
    /// Parses a string for its place.
    pub(crate) fn parse(text: &str, context: Context, names: &mut Names) -> Result<Self, TemplateProblem> {
        let mut builder = TemplateBuilder::default();
        builder.text(text, context, names)?;
        Ok(builder.build())
    }

    /// A string that never varies.
    pub(crate) fn fixed(text: &str) -> Self {
        let mut builder = TemplateBuilder::default();
        builder.literal(text.as_bytes());
        builder.build()
    }

    /// The bytes it always renders to, if it has no slots.
    #[must_use]
    pub(crate) fn is_static(&self) -> Option<&[u8]> {
        match &*self.segments {
            [] | [Segment { then: Then::End, .. }] => Some(&self.bytes),
            _ => None,
        }
    }

    /// Appends the rendered text. Allocates nothing if `out` has room and a few bytes more. On an error `out` holds an
    /// unfinished text.
    #[inline]
    pub(crate) fn render(
        &self,
        variables: &Variables,
        builtins: &mut Builtins<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        if self.segments.is_empty() { Ok(()) } else { self.render_segments(variables, builtins, out) }
    }

    fn render_segments(
        &self,
        variables: &Variables,
        builtins: &mut Builtins<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        for segment in &self.segments {
            if segment.length <= block::SIZE {
                block::append(&segment.block, segment.length, out);
            } else {
                out.extend_from_slice(&self.bytes[segment.begin..][..segment.length]);
            }
            match &segment.then {
                Then::Variable(slot, encoding) => {
                    let value = variables.get(*slot).ok_or(RenderError::Unset(*slot))?;
                    if !encoding.append(value, out) {
                        return Err(RenderError::Refused(*slot));
                    }
                }
                Then::Json(slot) => {
                    let value = variables.get(*slot).ok_or(RenderError::Unset(*slot))?;
                    if !append_json(value, variables.is_string(*slot), out) {
                        return Err(RenderError::Refused(*slot));
                    }
                }
                Then::Builtin(builtin, encoding) => builtin.append(*encoding, builtins, out),
                Then::End => {}
            }
        }
        Ok(())
    }

    /// The variables it needs, in the order of their slots in the text; one that is used twice comes twice.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.segments.iter().filter_map(|segment| match segment.then {
            Then::Variable(slot, _) | Then::Json(slot) => Some(slot),
            Then::Builtin(..) | Then::End => None,
        })
    }
}

/// Puts a template together from parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct TemplateBuilder {
    bytes: Vec<u8>,
    segments: Vec<Segment>,
    /// How many of the bytes are in the segments.
    taken: usize,
}

impl TemplateBuilder {
    /// Bytes as they are.
    pub(crate) fn literal(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A string with slots. On a problem, the builder is of no further use.
    pub(crate) fn text(&mut self, text: &str, context: Context, names: &mut Names) -> Result<(), TemplateProblem> {
        let mut at = 0;
        while let Some(found) = text[at..].find(['{', '}']) {
            let brace = at + found;
            let rest = &text[brace..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                self.static_text(&text[at..=brace], context)?;
                at = brace + 2;
                continue;
            }
            self.static_text(&text[at..brace], context)?;
            if rest.starts_with('}') {
                return Err(TemplateProblem::NotOpened { at: brace });
            }
            let slot = match rest[1..].find(['{', '}']) {
                Some(end) if rest[1 + end..].starts_with('}') => &rest[1..=end],
                _ => return Err(TemplateProblem::NotClosed { at: brace }),
            };
            self.slot(slot, brace, context, names)?;
            at = brace + slot.len() + 2;
        }
        self.static_text(&text[at..], context)
    }

    /// Whether nothing has been added yet.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.bytes.is_empty()
    }

    /// All of another template.
    pub(crate) fn append(&mut self, template: &Template) {
        for segment in &template.segments {
            self.literal(&template.bytes[segment.begin..][..segment.length]);
            if segment.then != Then::End {
                self.then(segment.then);
            }
        }
    }

    /// The template.
    #[must_use]
    pub(crate) fn build(mut self) -> Template {
        if self.taken < self.bytes.len() {
            self.then(Then::End);
        }
        Template { bytes: self.bytes.into(), segments: self.segments.into() }
    }

    /// A variable's value as it is.
    pub(crate) fn verbatim(&mut self, slot: Slot) {
        self.then(Then::Variable(slot, Encoding::Verbatim));
    }

    /// What `{name:json}` stands for, if that is the whole text: a value of JSON by itself.
    pub(super) fn json_value(&mut self, text: &str, names: &mut Names) -> bool {
        let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix(":json}")) else { return false };
        if let Some(builtin) = name.strip_prefix('$').and_then(Builtin::parse) {
            let quote: &[u8] = if builtin.is_number() { b"" } else { b"\"" };
            self.literal(quote);
            self.then(Then::Builtin(builtin, Encoding::Json));
            self.literal(quote);
            return true;
        }
        let is_variable = is_variable(name, names);
        if is_variable {
            self.then(Then::Json(names.slot(name)));
        }
        is_variable
    }

    fn static_text(&mut self, text: &str, context: Context) -> Result<(), TemplateProblem> {
        let text = text.as_bytes();
        if matches!(context, Context::Path | Context::Header) && encode::forbidden_in_head(text) {
            return Err(TemplateProblem::LineEnd);
        }
        if context == Context::Path {
            encode::append_url_text(text, &mut self.bytes);
        } else {
            context.encoding().append(text, &mut self.bytes);
        }
        Ok(())
    }

    fn slot(&mut self, slot: &str, at: usize, context: Context, names: &mut Names) -> Result<(), TemplateProblem> {
        if let Some(variable) = slot.strip_prefix(ENVIRONMENT) {
            return self.of_environment(variable, context);
        }
        if let Some(builtin) = slot.strip_prefix('$') {
            let builtin = Builtin::parse(builtin).ok_or(TemplateProblem::UnknownBuiltin { at })?;
            self.then(Then::Builtin(builtin, context.encoding()));
            return Ok(());
        }
        let (name, filter) = split_filter(slot, names).ok_or(TemplateProblem::BadName { at })?;
        let encoding = match (filter, context) {
            (None, _) => context.encoding(),
            (Some("raw"), Context::Path | Context::Query) => Encoding::Target,
            (Some(_), _) => return Err(TemplateProblem::BadFilter { at }),
        };
        self.then(Then::Variable(names.slot(name), encoding));
        Ok(())
    }

    /// What a variable of the environment holds, now and for the whole run: a brace in it is a brace.
    fn of_environment(&mut self, variable: &str, context: Context) -> Result<(), TemplateProblem> {
        let value = std::env::var(variable).map_err(|_| TemplateProblem::NoVariable(variable.to_owned()))?;
        if value.trim().is_empty() {
            return Err(TemplateProblem::EmptyVariable(variable.to_owned()));
        }
        if context.encoding().append(value.as_bytes(), &mut self.bytes) {
            Ok(())
        } else {
            Err(TemplateProblem::VariableOfLines(variable.to_owned()))
        }
    }

    /// Ends the static piece that has been added since the last slot, and adds what comes after it.
    fn then(&mut self, then: Then) {
        let (begin, piece) = (self.taken, &self.bytes[self.taken..]);
        let block = block::padded(&piece[..piece.len().min(block::SIZE)]).unwrap_or_default();
        self.segments.push(Segment { block, begin, length: piece.len(), then });
        self.taken = self.bytes.len();
    }
}

impl Context {
    const fn encoding(self) -> Encoding {
        match self {
            Self::Path | Self::Query => Encoding::Percent,
            Self::Header => Encoding::Head,
            Self::Json => Encoding::Json,
            Self::Form => Encoding::Form,
            Self::Quoted => Encoding::Quoted,
            Self::Text => Encoding::Verbatim,
        }
    }
}

/// Appends a variable's value as one JSON value, whatever it is: what is known to be a string, or is not JSON, as a
/// string. `false` if it cannot be one, as it is not UTF-8.
#[inline(never)]
fn append_json(value: &[u8], is_string: bool, out: &mut Vec<u8>) -> bool {
    if !is_string && is_json(value) {
        out.extend_from_slice(value);
        return true;
    }
    out.push(b'"');
    let appended = std::str::from_utf8(value).is_ok() && Encoding::Json.append(value, out);
    out.push(b'"');
    appended
}

/// The name of the variable that a URL begins with, and what is written behind it: where it leads is known only when it
/// is rendered.
pub(crate) fn leading_variable<'a>(url: &'a str, names: &Names) -> Option<(&'a str, &'a str)> {
    let (slot, rest) = url.strip_prefix('{')?.split_once('}')?;
    match split_filter(slot, names)? {
        (name, None | Some("raw")) => Some((name, rest)),
        _ => None,
    }
}

/// A slot's name and its filter, if it has one. `None`: it begins with no name.
fn split_filter<'a>(slot: &'a str, names: &Names) -> Option<(&'a str, Option<&'a str>)> {
    if names.find(slot).is_some() {
        return Some((slot, None));
    }
    let (name, filter) = slot.rsplit_once(':').map_or((slot, None), |(name, filter)| (name, Some(filter)));
    is_variable(name, names).then_some((name, filter))
}

/// Whether this may name a variable. A column of a feeder may be called anything: its name is known before strings are
/// read.
fn is_variable(text: &str, names: &Names) -> bool {
    is_name(text) || names.find(text).is_some()
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests;
