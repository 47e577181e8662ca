//! Reads tokens with one token of look-ahead, and the small things that occur everywhere:
//! punctuation, numbers, strings, types, signatures, names with a number.

use super::lexer::{Lexer, Shortened, Token};
use crate::diagnostic::{Diagnostic, Span};
use crate::entity::{Entity, FileId};
use crate::function::SourcePos;
use crate::types::{Signature, Type};
use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

/// The result of reading something.
pub(super) type Parsed<T> = Result<T, Diagnostic>;

/// A position between two tokens.
pub(super) struct Cursor<'t> {
    lexer: Lexer<'t>,
    /// The token behind the position.
    pub token: Token<'t>,
    /// Where that token stands.
    pub span: Span,
    /// Where the token before the position stands.
    pub previous: Span,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(mut lexer: Lexer<'t>) -> Self {
        let (token, span) = lexer.next();
        Cursor {
            lexer,
            token,
            span,
            previous: span,
        }
    }

    /// Goes one token on and returns the one that was passed.
    pub(super) fn bump(&mut self) -> Token<'t> {
        let token = self.token;
        self.previous = self.span;
        (self.token, self.span) = self.lexer.next();
        token
    }

    /// An error about the next token.
    pub(super) fn expected<T>(&self, what: impl Display) -> Parsed<T> {
        let message = format!("expected {what}, found {}", self.token);
        Err(Diagnostic::at(self.span, message))
    }

    /// Goes on to the end of the line, behind it.
    pub(super) fn skip_line(&mut self) {
        while !matches!(self.token, Token::LineEnd | Token::End) {
            self.bump();
        }
        self.bump();
    }

    pub(super) fn skip_line_ends(&mut self) {
        while self.token == Token::LineEnd {
            self.bump();
        }
    }

    /// The position behind the token just passed, where a body begins, and its end: see
    /// [`Lexer::skip_body`]. Goes on behind the body.
    pub(super) fn skip_body(&mut self, open: Lexer<'t>, stop: &[&str]) -> Option<Lexer<'t>> {
        self.lexer = open;
        let end = self.lexer.skip_body(stop);
        (self.token, self.span) = self.lexer.next();
        end.map(|end| open.until(end))
    }

    /// The position behind the token that comes next.
    pub(super) fn lexer_behind_next(&self) -> Lexer<'t> {
        self.lexer
    }

    pub(super) fn eat(&mut self, c: char) -> bool {
        self.eat_token(Token::Punctuation(c))
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        self.eat_token(Token::Word(word))
    }

    pub(super) fn eat_token(&mut self, token: Token<'_>) -> bool {
        let found = self.token == token;
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn expect(&mut self, c: char) -> Parsed<()> {
        match self.eat(c) {
            true => Ok(()),
            false => self.expected(Token::Punctuation(c)),
        }
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<()> {
        match self.eat_word(word) {
            true => Ok(()),
            false => self.expected(Token::Word(word)),
        }
    }

    pub(super) fn expect_line_end(&mut self) -> Parsed<()> {
        match self.token {
            Token::LineEnd | Token::End => {
                self.bump();
                Ok(())
            }
            _ => self.expected("the end of the line"),
        }
    }

    /// A list between brackets, of which the first is just passed. Lines may end inside.
    pub(super) fn list(
        &mut self,
        close: char,
        mut item: impl FnMut(&mut Self) -> Parsed<()>,
    ) -> Parsed<()> {
        self.skip_line_ends();
        if self.eat(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            self.skip_line_ends();
            if self.eat(close) {
                return Ok(());
            }
            if !self.eat(',') {
                return self.expected(format_args!("`,` or `{close}`"));
            }
            self.skip_line_ends();
        }
    }

    /// A word that `FromStr` knows: a type, a condition, the reason of a trap.
    pub(super) fn keyword<T: FromStr>(&mut self, what: &str) -> Parsed<T> {
        if let Token::Word(word) = self.token
            && let Ok(item) = word.parse()
        {
            self.bump();
            return Ok(item);
        }
        self.expected(what)
    }

    pub(super) fn ty(&mut self) -> Parsed<Type> {
        self.keyword("a type")
    }

    /// A name of the module.
    pub(super) fn name(&mut self, what: &str) -> Parsed<&'t str> {
        match self.token {
            Token::Name(name) if !name.is_empty() => {
                self.bump();
                Ok(name)
            }
            _ => self.expected(format_args!("{what}, as in `%name`")),
        }
    }

    /// A decimal number without sign, of a type that holds its range.
    pub(super) fn unsigned<T: FromStr>(&mut self, what: &str) -> Parsed<T> {
        match self.token {
            Token::Number(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                let Ok(number) = digits.parse() else {
                    let message = format!("`{}` is too large for {what}", Shortened(digits));
                    return Err(Diagnostic::at(self.span, message));
                };
                self.bump();
                Ok(number)
            }
            _ => self.expected(format_args!("{what}, a decimal number")),
        }
    }

    /// A name that is a prefix with a number, as `v3`.
    pub(super) fn numbered(&mut self, prefix: &str, what: &str) -> Parsed<usize> {
        let Some(number) = self.peek_numbered(prefix) else {
            return self.expected(format_args!("{what}, as in `{prefix}0`"));
        };
        let number = number?;
        self.bump();
        Ok(number)
    }

    /// The number of the next token if that is the prefix with a number.
    pub(super) fn peek_numbered(&self, prefix: &str) -> Option<Parsed<usize>> {
        let Token::Word(word) = self.token else {
            return None;
        };
        let number = number_of(word, prefix)?;
        let message = || format!("the number of `{}` is too large", Shortened(word));
        Some(number.ok_or_else(|| Diagnostic::at(self.span, message())))
    }

    pub(super) fn types(&mut self) -> Parsed<Vec<Type>> {
        self.expect('(')?;
        let mut types = Vec::new();
        self.list(')', |cursor| {
            types.push(cursor.ty()?);
            Ok(())
        })?;
        Ok(types)
    }

    /// `(i64, f64) -> i64, f64 async`.
    pub(super) fn signature(&mut self) -> Parsed<Signature> {
        let params = self.types()?;
        let mut results = Vec::new();
        if self.eat_token(Token::Arrow) {
            results.push(self.ty()?);
            while self.eat(',') {
                results.push(self.ty()?);
            }
        }
        Ok(Signature {
            params,
            results,
            is_async: self.eat_word("async"),
        })
    }

    /// `@ file0:3:14`, if there is one; `files` is the number of files of the module.
    pub(super) fn position(&mut self, files: usize) -> Parsed<Option<SourcePos>> {
        if !self.eat('@') {
            return Ok(None);
        }
        let span = self.span;
        let file = self.numbered("file", "a source file")?;
        if file >= files {
            let message = format!("`file{file}` is not declared");
            return Err(Diagnostic::at(span, message));
        }
        self.expect(':')?;
        let line = self.unsigned("a line")?;
        self.expect(':')?;
        let column = self.unsigned("a column")?;
        Ok(Some(SourcePos {
            file: FileId::from_index(file),
            line,
            column,
        }))
    }

    /// The bytes of a string.
    pub(super) fn bytes(&mut self) -> Parsed<Cow<'t, [u8]>> {
        match self.token {
            Token::Text(raw) => {
                let bytes = unescape(raw).map_err(|bad| {
                    let message = format!("`\\{bad}` is no escape");
                    Diagnostic::at(self.span, message)
                        .note("the escapes are \\n, \\t, \\\\, \\\" and two hexadecimal digits")
                })?;
                self.bump();
                Ok(bytes)
            }
            _ => self.expected("a string"),
        }
    }

    /// A string that has to be text.
    pub(super) fn string(&mut self) -> Parsed<String> {
        let span = self.span;
        let bytes = self.bytes()?.into_owned();
        String::from_utf8(bytes).map_err(|_| Diagnostic::at(span, "this string is not valid UTF-8"))
    }
}

/// The number in `word` if it is the prefix with a decimal number: `Some(None)` if that is larger
/// than any entity's.
pub(super) fn number_of(word: &str, prefix: &str) -> Option<Option<usize>> {
    let digits = word.strip_prefix(prefix)?;
    let canonical = digits == "0" || !digits.starts_with('0');
    if digits.is_empty() || !canonical || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse::<u32>().ok().filter(|&n| n < u32::MAX);
    Some(number.map(|n| n as usize))
}

/// The bytes that a string with escapes stands for; the first bad escape otherwise.
fn unescape(raw: &str) -> Result<Cow<'_, [u8]>, &str> {
    if !raw.contains('\\') {
        return Ok(Cow::Borrowed(raw.as_bytes()));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut pieces = raw.split('\\');
    bytes.extend_from_slice(pieces.next().unwrap_or("").as_bytes());
    while let Some(piece) = pieces.next() {
        // An escaped backslash makes an empty piece; what follows it is plain text.
        let (byte, used) = match piece.as_bytes() {
            [] => {
                bytes.push(b'\\');
                bytes.extend_from_slice(pieces.next().unwrap_or("").as_bytes());
                continue;
            }
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'"', ..] => (b'"', 1),
            [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (u8::from_str_radix(&piece[..2], 16).unwrap_or(0), 2)
            }
            _ => return Err(&piece[..piece.chars().take(2).map(char::len_utf8).sum()]),
        };
        bytes.push(byte);
        bytes.extend_from_slice(&piece.as_bytes()[used..]);
    }
    Ok(Cow::Owned(bytes))
}
