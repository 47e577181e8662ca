//! From text to tokens, each with its place, and a cursor over them.

use enjamb::ir::{Diagnostic, Span};

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Int(i64),
    Text(String),
    Name(String),
    /// Punctuation, an operator or a keyword.
    Symbol(&'static str),
    End,
}

/// Keywords; then the others, longer ones before those that they begin with.
const SYMBOLS: &str = "fn let if else while return throw try catch spawn join \
    -> == != <= >= && || ( ) { } [ ] , ; : = < > + - * / % !";

/// Either a result or what is wrong, and where.
pub type Checked<T> = Result<T, Diagnostic>;

/// The tokens of a text, the last one of which is [`Token::End`], and which one is next.
pub struct Tokens<'t> {
    text: &'t str,
    all: Vec<(Token, Span)>,
    pub next: usize,
}

impl<'t> Tokens<'t> {
    pub fn of(text: &'t str) -> Checked<Self> {
        let here = Span { line: 1, column: 1, ..Span::default() };
        let mut lexer = Lexer { rest: text, here };
        let mut all = vec![lexer.token()?];
        while all[all.len() - 1].0 != Token::End {
            all.push(lexer.token()?);
        }
        Ok(Tokens { text, all, next: 0 })
    }

    pub fn peek(&self) -> &Token {
        &self.all[self.next].0
    }

    /// Where the next token is.
    pub fn span(&self) -> Span {
        self.all[self.next].1
    }

    /// Goes past the next token, if it is not the end.
    pub fn advance(&mut self) -> (Token, Span) {
        let token = self.all[self.next].clone();
        self.next = (self.next + 1).min(self.all.len() - 1);
        token
    }

    /// Goes past the next token if it is one of these symbols.
    pub fn accept_any(&mut self, symbols: &str) -> Option<(&'static str, Span)> {
        let (Token::Symbol(symbol), span) = self.all[self.next] else {
            return None;
        };
        let accepted = symbols.split(' ').any(|accepted| accepted == symbol);
        self.next += usize::from(accepted);
        accepted.then_some((symbol, span))
    }

    pub fn accept(&mut self, symbol: &str) -> bool {
        self.accept_any(symbol).is_some()
    }

    pub fn expect(&mut self, symbol: &str) -> Checked<()> {
        let wrong = self.expected(&format!("`{symbol}`"));
        if self.accept(symbol) { Ok(()) } else { Err(wrong) }
    }

    /// What to say if the next token is not what it should be.
    pub fn expected(&self, what: &str) -> Diagnostic {
        let span = self.span();
        let found = match &self.text[span.start as usize..span.end as usize] {
            "" => "the end of the script".to_string(),
            token => format!("`{token}`"),
        };
        Diagnostic::at(span, format!("here should be {what}, not {found}"))
    }

    pub fn name(&mut self, what: &str) -> Checked<(String, Span)> {
        match self.peek().clone() {
            Token::Name(name) => Ok((name, self.advance().1)),
            _ => Err(self.expected(what)),
        }
    }
}

struct Lexer<'t> {
    rest: &'t str,
    /// The empty place before the rest.
    here: Span,
}

impl<'t> Lexer<'t> {
    /// Takes so many bytes.
    fn take(&mut self, length: usize) -> (&'t str, Span) {
        let (taken, rest) = self.rest.split_at(length);
        let end = self.here.end + length as u32;
        let span = Span { end, ..self.here };
        for c in taken.chars() {
            (self.here.line, self.here.column) = match c {
                '\n' => (self.here.line + 1, 1),
                _ => (self.here.line, self.here.column + 1),
            };
        }
        (self.rest, self.here.start, self.here.end) = (rest, end, end);
        (taken, span)
    }

    fn take_while(&mut self, is_inside: impl Fn(char) -> bool) -> (&'t str, Span) {
        let length = self.rest.find(|c| !is_inside(c));
        self.take(length.unwrap_or(self.rest.len()))
    }

    fn token(&mut self) -> Checked<(Token, Span)> {
        self.take_while(char::is_whitespace);
        while self.rest.starts_with("//") {
            self.take_while(|c| c != '\n');
            self.take_while(char::is_whitespace);
        }
        let Some(first) = self.rest.chars().next() else {
            return Ok((Token::End, self.here));
        };
        if first.is_ascii_digit() {
            let (digits, span) = self.take_while(|c| c.is_ascii_digit());
            let too_large = |_| Diagnostic::at(span, "a number has no more than 64 bits");
            return Ok((Token::Int(digits.parse().map_err(too_large)?), span));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let (name, span) = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            let keyword = SYMBOLS.split(' ').find(|&symbol| symbol == name);
            let name = || Token::Name(name.to_string());
            return Ok((keyword.map_or_else(name, Token::Symbol), span));
        }
        if let Some(rest) = self.rest.strip_prefix('"') {
            let length = rest.find('"');
            let span = self.take(length.map_or(1, |length| length + 2)).1;
            let open = || Diagnostic::at(span, "this text has no end");
            let text = rest[..length.ok_or_else(open)?].to_string();
            return Ok((Token::Text(text), span));
        }
        let symbol = SYMBOLS.split(' ').find(|symbol| self.rest.starts_with(symbol));
        let span = self.take(symbol.map_or(first.len_utf8(), str::len)).1;
        let unknown = || Diagnostic::at(span, format!("`{first}` means nothing here"));
        Ok((Token::Symbol(symbol.ok_or_else(unknown)?), span))
    }
}
