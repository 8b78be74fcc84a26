//! Every path by which a module may name another: in `use` lines, in code, in the input of macros and in attributes.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemExternCrate, ItemMod, ItemUse, Lit, Meta, UseTree, VisRestricted};

/// A path as it is written, of which the first segments may be modules.
pub(crate) struct Reference {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// Where it is of a `use` line: the name that it has from there on.
    pub(crate) alias: Option<String>,
}

/// Those of a module's items, without those of the modules in it. The error begins with a line.
pub(crate) fn of(items: &[Item]) -> Result<Vec<Reference>, String> {
    let mut collector = Collector::default();
    for item in items.iter().filter(|item| !matches!(item, Item::Mod(_))) {
        collector.visit_item(item);
    }
    match collector.unreadable {
        Some(error) => Err(error),
        None => Ok(collector.found),
    }
}

#[derive(Default)]
struct Collector {
    found: Vec<Reference>,
    unreadable: Option<String>,
}

fn line(span: Span) -> usize {
    span.start().line
}

fn start(path: &syn::Path) -> usize {
    path.segments.first().map_or(0, |segment| line(segment.ident.span()))
}

impl Collector {
    fn add(&mut self, path: Vec<String>, line: usize) {
        // A single name is one of the module's own, or came by a `use` line.
        if path.len() > 1 {
            self.found.push(Reference { path, line, alias: None });
        }
    }

    fn add_use(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([plain(name)]).collect::<Vec<_>>();
        let mut add = |path: Vec<String>, alias: Option<String>, span: Span| {
            self.found.push(Reference { path, line: line(span), alias });
        };
        match tree {
            UseTree::Path(path) => self.add_use(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use(tree, before)),
            UseTree::Glob(glob) => add(before.to_vec(), None, glob.star_token.span),
            UseTree::Name(name) if name.ident == "self" => {
                add(before.to_vec(), before.last().cloned(), name.ident.span());
            }
            UseTree::Name(name) => add(with(&name.ident), Some(plain(&name.ident)), name.ident.span()),
            UseTree::Rename(rename) => {
                add(with(&rename.ident), Some(plain(&rename.rename)), rename.ident.span())
            }
        }
    }

    /// Paths in what a macro is given, or in what it makes: `a::b`, `a::{b, c::d}`. `before` is what stands
    /// before the braces.
    fn add_tokens(&mut self, tokens: TokenStream, before: &[String]) {
        let mut path: Vec<String> = Vec::new();
        let mut start = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end_path(&mut path, start, before);
                        start = line(ident.span());
                    }
                    // `::a` is of another crate, and `<T>::a` of a type.
                    if colons != 2 || !path.is_empty() {
                        path.push(plain(&ident));
                    }
                }
                TokenTree::Group(group) => {
                    let is_tree = colons == 2 && group.delimiter() == Delimiter::Brace;
                    if is_tree {
                        let inside: Vec<_> = before.iter().cloned().chain(path.drain(..)).collect();
                        self.add_tokens(group.stream(), &inside);
                    } else {
                        self.end_path(&mut path, start, before);
                        self.add_tokens(group.stream(), &[]);
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.end_path(&mut path, start, before),
            }
            colons = 0;
        }
        self.end_path(&mut path, start, before);
    }

    /// Paths in the strings of an attribute: `with = "a::b"`.
    fn add_quoted(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.add_quoted(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal) {
                        if let Ok(path) = text.parse::<syn::Path>() {
                            self.visit_path(&path);
                        }
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }

    fn end_path(&mut self, path: &mut Vec<String>, line: usize, before: &[String]) {
        if !path.is_empty() {
            self.add(before.iter().cloned().chain(path.drain(..)).collect(), line);
        }
    }
}

/// Without the `r#` of a raw name.
fn plain(name: &proc_macro2::Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.add_use(&item.tree, &[]);
        }
    }

    fn visit_item_extern_crate(&mut self, item: &'ast ItemExternCrate) {
        if item.ident == "self" {
            self.unreadable = Some(format!("{}: the crate has a second name", line(item.ident.span())));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.add(path.segments.iter().map(|segment| plain(&segment.ident)).collect(), start(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        if invoked.path.is_ident("include") {
            self.unreadable = Some(format!("{}: include! hides what it includes", start(&invoked.path)));
        }
        self.visit_path(&invoked.path);
        self.add_tokens(invoked.tokens.clone(), &[]);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) => {
                self.add_tokens(list.tokens.clone(), &[]);
                self.add_quoted(list.tokens.clone());
            }
            // Links in comments may lead anywhere.
            Meta::NameValue(_) | Meta::Path(_) => {}
        }
    }

    /// `pub(in a::b)` names a module that the item is in.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.unreadable = Some(format!("{}: a module in a function", line(item.ident.span())));
    }
}
