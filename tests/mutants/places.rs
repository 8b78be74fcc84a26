//! Where in a source file a mutant can be put beside the original: what its operator stands between, which function
//! it is in.

use std::collections::HashMap;
use std::ops::Range;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Arm, Block, Expr, ExprBinary, ExprStruct, ExprUnary, ImplItemFn, ItemFn, Pat, Signature, TraitItemFn,
};

/// What is in one file, by the byte at which its operator, pattern or guard starts; ranges are of bytes.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) binary: HashMap<usize, Binary>,
    /// The whole expression, and what the operator is before.
    pub(crate) unary: HashMap<usize, (Range<usize>, Range<usize>)>,
    /// By the start of the arm: its pattern and its guard.
    pub(crate) arms: HashMap<usize, (Range<usize>, Option<Range<usize>>)>,
    /// The fields of what ends with `..rest`.
    pub(crate) fields: HashMap<usize, Field>,
    pub(crate) functions: Vec<Function>,
}

#[derive(Debug)]
pub(crate) struct Binary {
    pub(crate) left: Range<usize>,
    pub(crate) operator: Range<usize>,
    pub(crate) right: Range<usize>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) whole: Range<usize>,
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
    /// The type of the struct, as the expression names it.
    pub(crate) of: Range<usize>,
    pub(crate) rest: Range<usize>,
    /// The rest is a variable or a field, of which others may take the other fields.
    pub(crate) rest_has_name: bool,
}

#[derive(Debug)]
pub(crate) struct Function {
    /// From its signature on.
    pub(crate) whole: Range<usize>,
    /// With its braces.
    pub(crate) body: Range<usize>,
    pub(crate) is_const: bool,
    /// It returns `impl …`, so that all that it returns must have the same type.
    pub(crate) has_hidden_type: bool,
}

impl Places {
    pub(crate) fn read(source: &str) -> syn::Result<Self> {
        let mut places = Self::default();
        places.visit_file(&syn::parse_file(source)?);
        Ok(places)
    }

    /// The innermost function around a byte.
    pub(crate) fn function(&self, byte: usize) -> Option<&Function> {
        let around = self.functions.iter().filter(|function| function.body.contains(&byte));
        around.min_by_key(|function| function.body.len())
    }

    fn add(&mut self, signature: &Signature, body: &Block) {
        let returned = match &signature.output {
            syn::ReturnType::Type(_, returned) => returned.span().source_text().unwrap_or_default(),
            syn::ReturnType::Default => String::new(),
        };
        let body = bytes(body.span());
        self.functions.push(Function {
            whole: bytes(signature.span()).start..body.end,
            body,
            is_const: signature.constness.is_some(),
            has_hidden_type: returned.contains("impl "),
        });
    }
}

fn bytes(span: Span) -> Range<usize> {
    span.byte_range()
}

impl<'file> Visit<'file> for Places {
    fn visit_expr_binary(&mut self, binary: &'file ExprBinary) {
        let [left, operator, right] = [binary.left.span(), binary.op.span(), binary.right.span()].map(bytes);
        self.binary.insert(operator.start, Binary { left, operator, right });
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'file ExprUnary) {
        let whole = bytes(unary.span());
        self.unary.insert(whole.start, (whole, bytes(unary.expr.span())));
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_struct(&mut self, expression: &'file ExprStruct) {
        if let Some(rest) = &expression.rest {
            for field in &expression.fields {
                let [whole, name, value] = [field.span(), field.member.span(), field.expr.span()].map(bytes);
                let of = bytes(expression.path.span());
                let rest_has_name = matches!(&**rest, Expr::Path(_) | Expr::Field(_));
                let rest = bytes(rest.span());
                self.fields.insert(whole.start, Field { whole, name, value, of, rest, rest_has_name });
            }
        }
        visit::visit_expr_struct(self, expression);
    }

    fn visit_arm(&mut self, arm: &'file Arm) {
        let (pattern, guard) = match &arm.pat {
            Pat::Guard(guarded) => (bytes(guarded.pat.span()), Some(bytes(guarded.guard.span()))),
            pattern => (bytes(pattern.span()), None),
        };
        self.arms.insert(bytes(arm.span()).start, (pattern, guard));
        visit::visit_arm(self, arm);
    }

    fn visit_item_fn(&mut self, function: &'file ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'file ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'file TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
