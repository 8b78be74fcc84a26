//! All mutants of a file at once: each is put beside the original, and what is run says which of them it is. So that
//! thousands of mutants cost one build.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::list::{Kind, Mutant};
use crate::places::{Binary, Field, Places};

/// A file with its mutants, and where in it each one is.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) text: String,
    /// Wide places first: the number of the mutant, and its bytes.
    at: Vec<(usize, Range<usize>)>,
    /// The bytes of each function.
    functions: Vec<Range<usize>>,
    /// The mutants of what functions with a hidden type return. The compiler complains of the type, not of the mutant.
    returned: Vec<usize>,
}

/// One change of the text: the range, and what takes its place.
struct Change {
    range: Range<usize>,
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    /// A mutant's own code.
    Of(usize, String),
    /// Text of the file, with the changes within.
    Original(Range<usize>),
}

/// `mutants` are those of this file with their numbers. Which of them can only be tried alone is the second answer.
pub(crate) fn embed(source: &str, mutants: &[(usize, &Mutant)]) -> Result<(Embedded, Vec<usize>), String> {
    let places = Places::read(source).map_err(|error| error.to_string())?;
    let lines: Vec<usize> =
        std::iter::once(0).chain(source.match_indices('\n').map(|(byte, _)| byte + 1)).collect();
    let byte = |(line, column): (usize, usize)| {
        let start = lines[line - 1];
        start + source[start..].chars().take(column - 1).map(char::len_utf8).sum::<usize>()
    };
    // What has several mutants is changed once.
    let mut at: BTreeMap<(usize, u8), Vec<(usize, &Mutant)>> = BTreeMap::new();
    for (number, mutant) in mutants {
        at.entry((byte(mutant.start), mutant.kind as u8)).or_default().push((*number, mutant));
    }

    let mut changes = Vec::new();
    let mut alone = Vec::new();
    let mut returned = Vec::new();
    for ((start, _), mutants) in at {
        let has_hidden_type = places.function(start).is_some_and(|function| function.has_hidden_type);
        if has_hidden_type && mutants.iter().any(|(_, mutant)| mutant.kind == Kind::Function) {
            returned.extend(mutants.iter().map(|(number, _)| *number));
        }
        match change(source, &places, start, &mutants) {
            Some(change) => changes.push(change),
            None => alone.extend(mutants.iter().map(|(number, _)| *number)),
        }
    }
    for function in &places.functions {
        changes.push(Change {
            range: function.whole.clone(),
            parts: vec![Part::Original(function.whole.clone())],
        });
    }
    changes.sort_by_key(|change| (change.range.start, usize::MAX - change.range.end));
    let mut embedded = Embedded { text: String::new(), at: Vec::new(), functions: Vec::new(), returned };
    embedded.write(source, 0..source.len(), &changes.iter().collect::<Vec<_>>());
    embedded.at.sort_by_key(|(_, range)| usize::MAX - range.len());
    Ok((embedded, alone))
}

/// That of the mutants at one place, or `None` if they cannot stand beside the original.
fn change(source: &str, places: &Places, start: usize, mutants: &[(usize, &Mutant)]) -> Option<Change> {
    let function = places.function(start)?;
    if function.is_const {
        return None;
    }
    let (_, first) = mutants.first()?;
    match first.kind {
        Kind::Function if function.has_hidden_type => Some(one_type(&function.body, mutants)),
        Kind::Function => {
            let place = function.body.start + 1;
            let parts = mutants.iter().map(|(number, mutant)| {
                Part::Of(
                    *number,
                    format!(" if crate::mutant::on({number}) {{ return {}; }} ", mutant.replacement),
                )
            });
            Some(Change { range: place..place, parts: parts.collect() })
        }
        Kind::Binary => places.binary.get(&start).map(|place| binary(source, place, mutants)),
        Kind::Unary => places.unary.get(&start).map(|(whole, within)| {
            either(whole, mutants.iter().map(|(number, _)| (*number, source[within.clone()].to_owned())))
        }),
        Kind::Guard => Some(guard(
            places.arms.values().find_map(|(_, guard)| guard.clone().filter(|guard| guard.start == start))?,
            mutants,
        )),
        Kind::Arm => {
            let (number, _) = mutants.first()?;
            let (pattern, guard) = places.arms.get(&start)?;
            let on = format!("!crate::mutant::on({number})");
            Some(match guard {
                Some(guard) => Change {
                    range: guard.clone(),
                    parts: vec![
                        Part::Of(*number, format!("{on} && (")),
                        Part::Original(guard.clone()),
                        Part::Text(")".into()),
                    ],
                },
                None => Change {
                    range: pattern.end..pattern.end,
                    parts: vec![Part::Of(*number, format!(" if {on} "))],
                },
            })
        }
        Kind::Field => {
            let (number, _) = mutants.first()?;
            places.fields.get(&start).map(|field| from_rest(source, field, *number))
        }
    }
}

/// What a function with a hidden type returns, in one type with what the mutants return instead.
fn one_type(body: &Range<usize>, mutants: &[(usize, &Mutant)]) -> Change {
    let mut parts = vec![Part::Text("{ ".into())];
    for (number, mutant) in mutants {
        let either = "crate::mutant::Either";
        parts.push(Part::Of(
            *number,
            format!(
                "if crate::mutant::on({number}) {{ {either}::Mutant({}) }} else {{ {either}::Original(",
                mutant.replacement
            ),
        ));
    }
    parts.push(Part::Original(body.clone()));
    parts.push(Part::Text(") }".repeat(mutants.len()) + " }"));
    Change { range: body.clone(), parts }
}

/// The value of a field, or the one that it has in what follows `..`.
fn from_rest(source: &str, field: &Field, number: usize) -> Change {
    let of = |range: &Range<usize>| &source[range.clone()];
    let (name, rest) = (of(&field.name), of(&field.rest));
    let instead = if field.rest_has_name {
        format!("{rest}.{name}")
    } else {
        format!("let mutant_rest: {} = {rest}; mutant_rest.{name}", of(&field.of))
    };
    let parts = vec![
        Part::Of(number, format!("{name}: if crate::mutant::on({number}) {{ {instead} }} else {{ ")),
        Part::Original(field.value.clone()),
        Part::Text(" }".into()),
    ];
    Change { range: field.whole.clone(), parts }
}

/// `true` and `false` instead of a guard.
fn guard(guard: Range<usize>, mutants: &[(usize, &Mutant)]) -> Change {
    let on = |value: &str| {
        let number =
            mutants.iter().find(|(_, mutant)| mutant.replacement == value).map_or(0, |(number, _)| *number);
        (number, format!("crate::mutant::on({number})"))
    };
    let (always, is_always) = on("true");
    let (never, is_never) = on("false");
    let parts = vec![
        Part::Of(always, format!("({is_always} || ")),
        Part::Of(never, format!("(!{is_never} && (")),
        Part::Original(guard.clone()),
        Part::Text(")))".into()),
    ];
    Change { range: guard, parts }
}

fn binary(source: &str, place: &Binary, mutants: &[(usize, &Mutant)]) -> Change {
    let Binary { left, operator, right } = place;
    let operator = &source[operator.clone()];
    let whole = left.start..right.end;
    let number = mutants.first().map_or(0, |(number, _)| *number);
    let [before, between, after] = match operator {
        "==" | "!=" => ["((".into(), format!(" {operator} "), format!(") != crate::mutant::on({number}))")],
        // The left side is evaluated once, and the right side when it has to be: as both operators do it.
        "&&" | "||" => [
            "({ let mutant_left = ".into(),
            format!(
                "; if mutant_left {} crate::mutant::on({number}) {{ mutant_left }} else {{ ",
                if operator == "&&" { "==" } else { "!=" }
            ),
            " } })".into(),
        ],
        "<" | ">" | "<=" | ">=" => {
            let list: Vec<_> = mutants
                .iter()
                .map(|(number, mutant)| format!("({number}, {:?})", mutant.replacement))
                .collect();
            [
                "crate::mutant::compare(&(".into(),
                format!("), {operator:?}, &("),
                format!("), &[{}])", list.join(", ")),
            ]
        }
        _ => {
            let of = |range: &Range<usize>| &source[range.clone()];
            let one = |(number, mutant): &(usize, &Mutant)| {
                (*number, format!("{} {} {}", of(left), mutant.replacement, of(right)))
            };
            return either(&whole, mutants.iter().map(one));
        }
    };
    let parts = vec![
        Part::Of(number, before),
        Part::Original(left.clone()),
        Part::Of(number, between),
        Part::Original(right.clone()),
        Part::Of(number, after),
    ];
    Change { range: whole, parts }
}

/// Each mutant's own copy of the expression, and the original last.
fn either(whole: &Range<usize>, copies: impl Iterator<Item = (usize, String)>) -> Change {
    let mut parts = vec![Part::Text("(".into())];
    for (number, copy) in copies {
        parts.push(Part::Of(number, format!("if crate::mutant::on({number}) {{ {copy} }} else ")));
    }
    parts.extend([Part::Text("{ ".into()), Part::Original(whole.clone()), Part::Text(" })".into())]);
    Change { range: whole.clone(), parts }
}

impl Embedded {
    /// `changes` are those within the range, in order.
    fn write(&mut self, source: &str, range: Range<usize>, changes: &[&Change]) {
        let mut at = range.start;
        let mut rest = changes;
        while let Some((change, later)) = rest.split_first() {
            self.text.push_str(&source[at..change.range.start]);
            let within = later.partition_point(|other| {
                other.range.start < change.range.end && other.range.end <= change.range.end
            });
            let (within, later) = later.split_at(within);
            let start = self.text.len();
            for part in &change.parts {
                let start = self.text.len();
                match part {
                    Part::Text(text) => self.text.push_str(text),
                    Part::Of(number, text) => {
                        self.text.push_str(text);
                        self.at.push((*number, start..self.text.len()));
                    }
                    Part::Original(part) => {
                        let inside =
                            |other: &&&Change| part.start <= other.range.start && other.range.end <= part.end;
                        let within: Vec<_> = within.iter().filter(inside).copied().collect();
                        self.write(source, part.clone(), &within);
                    }
                }
            }
            let all = start..self.text.len();
            for part in &change.parts {
                if let Part::Of(number, _) = part {
                    self.at.push((*number, all.clone()));
                }
            }
            if change.parts.len() == 1 && matches!(change.parts[..], [Part::Original(_)]) {
                self.functions.push(all);
            }
            at = change.range.end;
            rest = later;
        }
        self.text.push_str(&source[at..range.end]);
    }

    /// The mutants that an error of the compiler at these bytes is due to: those of the narrowest place around it.
    pub(crate) fn at(&self, bytes: &Range<usize>) -> Vec<usize> {
        let around = |range: &Range<usize>| range.start <= bytes.start && bytes.end <= range.end;
        let narrowest = self.at.iter().filter(|(_, range)| around(range)).map(|(_, range)| range.len()).min();
        if let Some(narrowest) = narrowest {
            let those = self.at.iter().filter(|(_, range)| around(range) && range.len() == narrowest);
            return those.map(|(number, _)| *number).filter(|number| *number != 0).collect();
        }
        let function = self.functions.iter().filter(|range| around(range)).min_by_key(|range| range.len());
        let Some(function) = function else {
            return Vec::new();
        };
        let inside = self.at.iter().filter(|(_, at)| function.start <= at.start && at.end <= function.end);
        let inside: Vec<_> = inside.map(|(number, _)| *number).filter(|number| *number != 0).collect();
        // One after the other, the most intricate first, since the type may fit the others.
        let returned = inside.iter().filter(|number| self.returned.contains(number)).max();
        returned.map_or(inside.clone(), |number| vec![*number])
    }
}
