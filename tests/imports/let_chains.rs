//! Every `let` that only Rust 1.88 and later knows where it is: one beside other conditions, or in a guard. Debian 13
//! ships 1.85, and no newer compiler complains.

use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Expr, ExprIf, ExprLet, ExprWhile};

/// Those of a file, each with its line.
pub(crate) fn let_chains(file: &Path, text: &str) -> syn::Result<Vec<String>> {
    let mut collector = Collector::default();
    collector.visit_file(&syn::parse_file(text)?);
    let lines = collector.lines.into_iter();
    Ok(lines
        .map(|line| format!("{}:{line}: Rust 1.85 knows no `let` here: nest it", file.display()))
        .collect())
}

#[derive(Default)]
struct Collector {
    lines: Vec<usize>,
}

impl Collector {
    /// A `let` that is the whole condition is an old one.
    fn condition(&mut self, condition: &Expr) {
        match condition {
            Expr::Let(only) => visit::visit_expr_let(self, only),
            other => self.visit_expr(other),
        }
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_expr_if(&mut self, node: &'ast ExprIf) {
        self.condition(&node.cond);
        self.visit_block(&node.then_branch);
        if let Some((_, otherwise)) = &node.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_while(&mut self, node: &'ast ExprWhile) {
        self.condition(&node.cond);
        self.visit_block(&node.body);
    }

    fn visit_expr_let(&mut self, node: &'ast ExprLet) {
        self.lines.push(node.let_token.span.start().line);
        visit::visit_expr_let(self, node);
    }
}
