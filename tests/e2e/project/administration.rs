//! The recipes for whoever runs a server with members, each done as its page of docs/recipes says.

mod elsewhere;
mod moving;
mod running;
