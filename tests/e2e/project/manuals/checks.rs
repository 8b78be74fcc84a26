//! The names of checks in the page of `check` are those that findings have.

use super::json::files;
use super::{pages, section, terms};
use std::collections::BTreeSet;
use syn::visit::Visit;
use syn::{
    Arm, Expr, ExprCall, ExprLit, ExprMethodCall, FieldValue, ItemConst, ItemMod, Lit, Local, Member, Pat,
};

/// How findings are reported.
const REPORTS: [&str; 6] = ["passed", "passed_with", "warned", "failed", "unknown", "unread_by_sshd"];

/// Collects the texts that name a check.
#[derive(Default)]
struct Named {
    names: BTreeSet<String>,
    /// Whether it is a file with a type of checks, whose arms have the names: `Self::Running => "sshd running"`.
    of_types: bool,
}

impl Named {
    fn add(&mut self, expression: Option<&Expr>) {
        if let Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) = expression {
            self.names.insert(text.value());
        }
    }
}

impl Visit<'_> for Named {
    fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
        if REPORTS.iter().any(|name| call.method == name) {
            self.add(call.args.first());
        }
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &ExprCall) {
        if matches!(&*call.func, Expr::Path(path) if path.path.is_ident("report")) {
            self.add(call.args.first());
        }
        syn::visit::visit_expr_call(self, call);
    }

    fn visit_field_value(&mut self, field: &FieldValue) {
        if matches!(&field.member, Member::Named(name) if name == "check") {
            self.add(Some(&field.expr));
        }
        syn::visit::visit_field_value(self, field);
    }

    fn visit_local(&mut self, local: &Local) {
        if matches!(&local.pat, Pat::Ident(name) if name.ident == "check") {
            self.add(local.init.as_ref().map(|init| &*init.expr));
        }
        syn::visit::visit_local(self, local);
    }

    fn visit_item_const(&mut self, constant: &ItemConst) {
        if ["CHECK", "EXPIRY", "KEYS"].iter().any(|name| constant.ident == name) {
            self.add(Some(&constant.expr));
        }
    }

    fn visit_arm(&mut self, arm: &Arm) {
        if self.of_types {
            self.add(Some(&arm.body));
        }
        syn::visit::visit_arm(self, arm);
    }

    fn visit_item_mod(&mut self, module: &ItemMod) {
        if module.ident != "tests" {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

#[test]
fn every_check_is_in_the_page_of_check_and_no_other() {
    let (mut named, mut in_types) = (Named::default(), Named { of_types: true, ..Named::default() });
    for (file, text) in files() {
        let is_type =
            ["cli/src/report/check_name.rs", "pam_sftpjail/src/plan/check.rs"].contains(&file.as_str());
        if is_type || file.starts_with("cli/src/check") {
            let names = if is_type { &mut in_types } else { &mut named };
            names.visit_file(&syn::parse_file(text).expect("Rust"));
        }
    }
    named.names.extend(in_types.names);
    // One name is made for each kind of PAM's lines.
    assert!(files()["cli/src/check/pam.rs"].contains("format!(\"pam {kind}\")"));
    named.names.extend(["pam account", "pam auth"].map(str::to_owned));
    let documented: BTreeSet<_> = terms(section(&pages()["sftpjail-check"], "CHECKS")).into_iter().collect();
    assert_eq!(documented, named.names);
}
