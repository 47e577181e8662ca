//! Splits text into tokens, on demand and without copying.
//!
//! A line end is a token: it ends an instruction or a declaration. Comments are not tokens.

use crate::diagnostic::Span;
use std::fmt;

/// A piece of text that the grammar does not split further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A keyword, a mnemonic with its suffix, the name of a value or block: `iadd`, `v3`.
    Word(&'t str),
    /// A name of the module, without its percent sign.
    Name(&'t str),
    /// What starts like a number; whether it is one depends on the type it is for.
    Number(&'t str),
    /// What stands between the quotes of a string, with its escapes.
    Text(&'t str),
    /// A string without closing quote.
    OpenText(&'t str),
    /// A character of punctuation, or one that has no meaning.
    Punctuation(char),
    /// `->`.
    Arrow,
    /// `..`.
    Dots,
    /// The end of a line.
    LineEnd,
    /// The end of the text.
    End,
}

/// How messages call a token.
impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(text) | Token::Number(text) => write!(f, "`{}`", Shortened(text)),
            Token::Name(name) => write!(f, "`%{}`", Shortened(name)),
            Token::Text(_) => f.write_str("a string"),
            Token::OpenText(_) => f.write_str("a string without closing quote"),
            Token::Punctuation(c) if c.is_control() => write!(f, "U+{:04X}", u32::from(*c)),
            Token::Punctuation(c) => write!(f, "`{c}`"),
            Token::Arrow => f.write_str("`->`"),
            Token::Dots => f.write_str("`..`"),
            Token::LineEnd => f.write_str("the end of the line"),
            Token::End => f.write_str("the end of the text"),
        }
    }
}

/// A piece of the text in a message; only the beginning of a long one.
pub(super) struct Shortened<'t>(pub &'t str);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 60;
        if self.0.len() <= MOST {
            return f.write_str(self.0);
        }
        write!(f, "{}…", &self.0[..self.0.floor_char_boundary(MOST)])
    }
}

/// A position in a text, from which tokens are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    /// Offset at which the first column of the line would be if every character were one byte.
    line_start: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Lexer {
            text,
            at: 0,
            line: 1,
            line_start: 0,
        }
    }

    /// The position at which a span of the text starts.
    pub(super) fn at(text: &'t str, span: Span) -> Self {
        Lexer {
            text,
            at: span.start as usize,
            line: span.line,
            line_start: span.start as usize + 1 - span.column as usize,
        }
    }

    /// The same position in a text that ends early.
    pub(super) fn until(self, end: usize) -> Self {
        Lexer {
            text: &self.text[..end],
            ..self
        }
    }

    /// The next token and where it stands.
    pub(super) fn next(&mut self) -> (Token<'t>, Span) {
        self.skip_blanks();
        let (start, line) = (self.at, self.line);
        let column = start - self.line_start + 1;
        let token = self.read();
        let span = Span {
            start: start as u32,
            end: self.at as u32,
            line,
            column: column as u32,
        };
        (token, span)
    }

    fn byte(&self, ahead: usize) -> u8 {
        // Zero stands for the end; as a character of the text it is punctuation without meaning.
        let bytes = self.text.as_bytes();
        bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Goes on while bytes satisfy a condition and returns what was passed.
    fn take_while(&mut self, accepts: impl Fn(u8) -> bool) -> &'t str {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|&b| !accepts(b)).unwrap_or(rest.len());
        let passed = &rest[..length];
        let continued = passed.iter().filter(|&&b| b & 0xc0 == 0x80).count();
        self.line_start += continued;
        let start = self.at;
        self.at += length;
        &self.text[start..self.at]
    }

    fn skip_blanks(&mut self) {
        self.take_while(|b| matches!(b, b' ' | b'\t' | b'\r'));
        if self.byte(0) == b';' {
            self.take_while(|b| b != b'\n');
        }
    }

    fn read(&mut self) -> Token<'t> {
        match self.byte(0) {
            _ if self.at == self.text.len() => Token::End,
            b'\n' => {
                self.at += 1;
                self.line += 1;
                self.line_start = self.at;
                Token::LineEnd
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => Token::Word(self.take_while(is_word_byte)),
            b'0'..=b'9' => self.number(),
            b'-' if self.byte(1) == b'>' => self.symbol(Token::Arrow),
            b'-' if self.byte(1).is_ascii_alphanumeric() => self.number(),
            b'.' if self.byte(1) == b'.' => self.symbol(Token::Dots),
            b'%' => {
                self.at += 1;
                Token::Name(self.take_while(|b| is_word_byte(b) || b == b'-'))
            }
            b'"' => self.string(),
            _ => self.character(),
        }
    }

    /// A symbol of two bytes.
    fn symbol(&mut self, token: Token<'t>) -> Token<'t> {
        self.at += 2;
        token
    }

    fn character(&mut self) -> Token<'t> {
        let c = self.text[self.at..].chars().next().unwrap_or('\0');
        self.at += c.len_utf8();
        self.line_start += c.len_utf8() - 1;
        Token::Punctuation(c)
    }

    /// Digits, with a point only before a further one and a sign only first or in an exponent.
    fn number(&mut self) -> Token<'t> {
        let start = self.at;
        self.at += 1;
        let hexadecimal = self.byte(0) == b'x';
        loop {
            match (self.byte(0), self.byte(1)) {
                (b'.', next) if next.is_ascii_digit() => self.at += 1,
                (b'e' | b'E', b'+' | b'-') if !hexadecimal => self.at += 2,
                (byte, _) if byte.is_ascii_alphanumeric() || byte == b'_' => self.at += 1,
                _ => return Token::Number(&self.text[start..self.at]),
            }
        }
    }

    /// A string ends on its line; a backslash keeps the quote behind it from ending it.
    fn string(&mut self) -> Token<'t> {
        self.at += 1;
        let start = self.at;
        loop {
            self.take_while(|b| !matches!(b, b'"' | b'\\' | b'\n'));
            let content = &self.text[start..self.at];
            match self.byte(0) {
                b'"' => {
                    self.at += 1;
                    return Token::Text(content);
                }
                b'\\' if matches!(self.byte(1), b'"' | b'\\') => self.at += 2,
                b'\\' => self.at += 1,
                _ => return Token::OpenText(content),
            }
        }
    }

    /// Goes on behind the brace that closes the one just read and returns that position.
    /// If a line begins with a word of `stop` or the text ends first, stays there instead. In a list that goes
    /// on in another line a field may have such a name: what follows it there is a colon or an equals sign.
    pub(super) fn skip_body(&mut self, stop: &[&str]) -> Option<usize> {
        let mut depth = 1usize;
        loop {
            self.take_while(|b| !matches!(b, b'{' | b'}' | b'\n' | b';'));
            match self.byte(0) {
                _ if self.at == self.text.len() => return None,
                b'{' => depth += 1,
                b'}' if depth == 1 => {
                    self.at += 1;
                    return Some(self.at);
                }
                b'}' => depth -= 1,
                b'\n' => {
                    self.read();
                    let mut ahead = *self;
                    if matches!(ahead.next().0, Token::Word(word) if stop.contains(&word))
                        && !matches!(ahead.next().0, Token::Punctuation(':' | '='))
                    {
                        return None;
                    }
                    continue;
                }
                _ => {
                    self.skip_blanks();
                    continue;
                }
            }
            self.at += 1;
        }
    }
}

fn is_word_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$')
}
