//! A migration as statements, each with the mark that stands before it.
//!
//! `sqlparser` reads all that our migrations say but `DO`, whose body is PL/pgSQL: of that the statements are read that it
//! runs, also those that it makes with `EXECUTE format('…')`.

use sqlparser::ast::Statement;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};

/// A step of a migration.
#[derive(Debug)]
pub struct Step {
    /// The line on which it begins.
    pub line: u64,
    /// What stands on comment lines directly before it.
    pub comments: Vec<String>,
    /// What it is, or why it was not understood.
    pub statement: Result<Box<Statement>, String>,
}

const DIALECT: PostgreSqlDialect = PostgreSqlDialect {};
/// Words that make something of a body's piece that is no statement for the tables.
const CONTROL: [&str; 19] = [
    "DECLARE",
    "FOR",
    "FOREACH",
    "END",
    "IF",
    "ELSIF",
    "ELSE",
    "RAISE",
    "PERFORM",
    "RETURN",
    "EXIT",
    "CONTINUE",
    "WHILE",
    "EXCEPTION",
    "WHEN",
    "CASE",
    "NULL",
    "GET",
    "ASSERT",
];
/// Words after which a statement of a body begins.
const BEFORE: [&str; 4] = ["BEGIN", "LOOP", "THEN", "ELSE"];

/// The steps of a migration in order.
pub fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    match Tokenizer::new(&DIALECT, text).tokenize_with_location() {
        Err(error) => {
            steps.push(Step { line: error.location.line, comments: Vec::new(), statement: Err(error.message) });
        }
        Ok(tokens) => {
            for piece in tokens.split(|token| token.token == Token::SemiColon) {
                read(piece, &mut steps);
            }
        }
    }
    steps
}

fn read(piece: &[TokenWithSpan], steps: &mut Vec<Step>) {
    let is_space = |token: &&TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    let Some(first) = piece.iter().find(|token| !is_space(token)) else { return };
    let line = first.span.start.line;
    let comments = piece.iter().take_while(is_space).filter_map(comment).collect::<Vec<_>>();
    if is_word(&first.token, "DO") {
        let body = piece.iter().find_map(|token| match &token.token {
            Token::DollarQuotedString(quoted) => Some((token.span.start.line, quoted.value.clone())),
            _ => None,
        });
        match body {
            Some((start, body)) => of_body(&body, start, &comments, steps),
            None => steps.push(Step { line, comments, statement: Err("a DO without a body between $$".to_owned()) }),
        }
        return;
    }
    let statement = Parser::new(&DIALECT).with_tokens_with_locations(piece.to_vec()).parse_statement();
    steps.push(Step { line, comments, statement: statement.map(Box::new).map_err(|error| error.to_string()) });
}

fn comment(token: &TokenWithSpan) -> Option<String> {
    match &token.token {
        Token::Whitespace(Whitespace::SingleLineComment { comment, .. } | Whitespace::MultiLineComment(comment)) => {
            Some(comment.trim().to_owned())
        }
        _ => None,
    }
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// The statements that a body of PL/pgSQL runs.
fn of_body(body: &str, first_line: u64, comments: &[String], steps: &mut Vec<Step>) {
    let at = |line: u64| first_line + line - 1;
    let mut add = |line: u64, statement: Result<Box<Statement>, String>| {
        steps.push(Step { line: at(line), comments: comments.to_vec(), statement });
    };
    let tokens = match Tokenizer::new(&DIALECT, body).tokenize_with_location() {
        Ok(tokens) => tokens,
        Err(error) => return add(error.location.line, Err(error.message)),
    };
    let tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let names = looped_over(&tokens);
    for piece in tokens.split(|token| token.token == Token::SemiColon) {
        let begins = piece.iter().rposition(|token| BEFORE.iter().any(|word| is_word(&token.token, word)));
        let piece = &piece[begins.map_or(0, |at| at + 1)..];
        let Some(first) = piece.first() else { continue };
        let line = first.span.start.line;
        let assigns = piece.iter().any(|token| token.token == Token::Assignment);
        if is_word(&first.token, "EXECUTE") {
            for made in texts(piece) {
                for name in &names {
                    if let Some(statement) = made_statement(&made, name) {
                        add(line, statement);
                    }
                }
            }
        } else if !assigns && !CONTROL.iter().any(|word| is_word(&first.token, word)) && piece.len() > 2 {
            let parsed = Parser::new(&DIALECT).with_tokens_with_locations(piece.to_vec()).parse_statement();
            add(line, parsed.map(Box::new).map_err(|error| error.to_string()));
        }
    }
}

/// The names that a body goes through, `ARRAY['a', 'b']`: what it makes, it makes of each. Without such a list some name.
fn looped_over(tokens: &[TokenWithSpan]) -> Vec<String> {
    let begin = tokens.windows(2).position(|two| is_word(&two[0].token, "ARRAY") && two[1].token == Token::LBracket);
    let list = begin.map_or(&[][..], |begin| &tokens[begin + 2..]);
    let inside = list.iter().take_while(|token| token.token != Token::RBracket);
    let names: Vec<String> = inside
        .filter_map(|token| match &token.token {
            Token::SingleQuotedString(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    if names.is_empty() { vec!["some_name".to_owned()] } else { names }
}

/// The texts in a piece; those that follow each other are one, as in SQL.
fn texts(piece: &[TokenWithSpan]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut goes_on = false;
    for token in piece {
        if let Token::SingleQuotedString(text) = &token.token {
            match texts.last_mut().filter(|_| goes_on) {
                Some(last) => last.push_str(text),
                None => texts.push(text.clone()),
            }
            goes_on = true;
        } else {
            goes_on = false;
        }
    }
    texts
}

/// A text that is run as a statement, with `name` in the place of each of `format`'s marks; none where it is a word only.
fn made_statement(text: &str, name: &str) -> Option<Result<Box<Statement>, String>> {
    if text.split_whitespace().count() < 2 {
        return None;
    }
    let filled = text.replace("%I", name).replace("%s", name).replace("%L", &format!("'{name}'"));
    let parsed = Parser::new(&DIALECT).try_with_sql(&filled).and_then(|mut parser| {
        let statement = parser.parse_statement()?;
        Ok((statement, parser.peek_token().token == Token::EOF || parser.parse_keyword(Keyword::END)))
    });
    Some(match parsed {
        Ok((statement, true)) => Ok(Box::new(statement)),
        Ok((_, false)) => Err(format!("more than one statement in {text:?}")),
        Err(error) => Err(error.to_string()),
    })
}

/// The names in an expression that may be columns: words that are no operator and no function.
pub fn names_in(expression: &str) -> Vec<String> {
    const WORDS: [&str; 20] = [
        "CHECK",
        "AND",
        "OR",
        "NOT",
        "NULL",
        "IS",
        "IN",
        "BETWEEN",
        "LIKE",
        "TRUE",
        "FALSE",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "ANY",
        "ARRAY",
        "CONSTRAINT",
        "INTERVAL",
    ];
    let tokens = Tokenizer::new(&DIALECT, expression).tokenize().unwrap_or_default();
    let tokens: Vec<Token> = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let followed = tokens.iter().zip(tokens.iter().skip(1).chain([&Token::EOF]));
    let names = followed.filter_map(|(token, next)| match token {
        Token::Word(word)
            if *next != Token::LParen && !WORDS.iter().any(|one| word.value.eq_ignore_ascii_case(one)) =>
        {
            Some(word.value.to_lowercase())
        }
        _ => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_with_their_line_and_the_comments_before_them() {
        let steps = steps("-- one\nCREATE TABLE a (b int);\n\n-- two\n-- three\nDROP TABLE a; nonsense here;");
        let seen: Vec<_> = steps.iter().map(|step| (step.line, step.comments.len(), step.statement.is_ok())).collect();
        assert_eq!(seen, [(2, 1, true), (6, 2, true), (6, 0, false)]);
    }

    #[test]
    fn a_body_of_plpgsql_is_the_statements_that_it_runs() {
        let text = "DO $$\nDECLARE\n t text := 'x y';\nBEGIN\n FOREACH t IN ARRAY ARRAY['a', 'b'] LOOP\n  \
                    EXECUTE format('ALTER TABLE %I '\n 'ENABLE ROW LEVEL SECURITY', t);\n END LOOP;\n DROP TABLE c;\nEND $$;";
        let steps = steps(text);
        let said: Vec<_> = steps.iter().map(|step| (step.line, step.statement.as_ref().unwrap().to_string())).collect();
        let expected = [
            (6, "ALTER TABLE a ENABLE ROW LEVEL SECURITY".to_owned()),
            (6, "ALTER TABLE b ENABLE ROW LEVEL SECURITY".to_owned()),
            (9, "DROP TABLE c".to_owned()),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn names_are_columns_and_not_words_of_the_language() {
        assert_eq!(
            names_in("CHECK (parts > 0 AND lower(name) <> 'x y' OR status IN ('a'))"),
            ["parts", "name", "status"]
        );
    }
}
