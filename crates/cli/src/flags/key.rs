//! `monspec flags key`

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use flags::key::{Key, KeyHolder, Scope, issue, key_id};
use jiff::Timestamp;
use monspec::lint::escaped;
use secrecy::ExposeSecret as _;

use super::Place;
use crate::aws::words;
use crate::failure::Failure;

/// Makes, rotates and revokes keys.
#[derive(Subcommand)]
pub(super) enum Command {
    Create(Creating),
    Rotate(Named),
    Revoke(Named),
}

/// Makes a key and shows its secret, once.
#[derive(Args)]
pub(super) struct Creating {
    /// Who holds it, as the history of flags says.
    #[arg(long, value_name = "NAME", value_parser = words)]
    name: String,

    /// What it may do, `read:prod` or `change:prod/promo*<=20`; several times for several.
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<Scope>,

    /// Who holds it: what a person says is never overwritten by what is given back.
    #[arg(long, value_enum, default_value_t = Holder::Machine)]
    holder: Holder,

    /// When it ends, `2027-01-31T00:00:00Z` for example.
    #[arg(long, value_name = "TIME")]
    expires: Option<Timestamp>,

    #[command(flatten)]
    place: Place,
}

/// One key, by the id between `ubk_` and the secret.
#[derive(Args)]
pub(super) struct Named {
    /// The id.
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
enum Holder {
    Person,
    Machine,
    Browser,
}

pub(super) fn run(command: &Command, out: &mut impl Write) -> Result<ExitCode, Failure> {
    match command {
        Command::Create(options) => create(options, out),
        Command::Rotate(options) => rotate(options, out),
        Command::Revoke(options) => revoke(options, out),
    }
}

fn create(options: &Creating, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let id = key_id(random()?);
    let secret = issue(&id, random()?);
    let key = Key {
        id,
        name: options.name.clone(),
        holder: match options.holder {
            Holder::Person => KeyHolder::Person,
            Holder::Machine => KeyHolder::Machine,
            Holder::Browser => KeyHolder::Browser,
        },
        secrets: vec![secret.hash],
        scopes: options.scopes.clone(),
        expires: options.expires,
    };
    let open = options.place.open()?;
    open.account.ask(&open.table, open.flags.put_key(&key))?;
    writeln!(out, "{}", secret.text.expose_secret())?;
    Ok(ExitCode::SUCCESS)
}

fn rotate(options: &Named, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let open = options.place.open()?;
    let look = open.flags.look(&open.set, Some(&options.id));
    let found = open.account.ask(&open.table, look)?.key;
    let mut key = found.ok_or_else(|| unknown(&options.id))?;
    let secret = issue(&key.id, random()?);
    key.rotate(secret.hash);
    open.account.ask(&open.table, open.flags.put_key(&key))?;
    writeln!(out, "{}", secret.text.expose_secret())?;
    Ok(ExitCode::SUCCESS)
}

fn revoke(options: &Named, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let open = options.place.open()?;
    let revoked = open.flags.revoke_key(&options.id);
    let revoked = open.account.ask(&open.table, revoked)?;
    let key = revoked.ok_or_else(|| unknown(&options.id))?;
    writeln!(out, "the key of {} is revoked", escaped(&key.name))?;
    Ok(ExitCode::SUCCESS)
}

fn unknown(id: &str) -> Failure {
    Failure::Usage(format!("there is no key `{id}`"))
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Unavailable(format!("there is no randomness: {error}")))?;
    Ok(bytes)
}
