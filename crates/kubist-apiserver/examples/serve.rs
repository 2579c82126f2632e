//! Serves until Ctrl-C.
//!
//! ```text
//! cargo run -p kubist-apiserver --example serve -- --port 8080 --no-controllers
//! ```

use std::path::PathBuf;

use clap::Parser;
use kubist_apiserver::Server;

#[derive(Parser)]
struct Args {
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Serve HTTPS
    #[arg(long)]
    tls: bool,
    /// A user with a token
    #[arg(long = "user", value_name = "TOKEN=NAME,UID,GROUP[,GROUP]")]
    users: Vec<String>,
    /// Run no controllers
    #[arg(long)]
    no_controllers: bool,
    /// Where to write the kubeconfig
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let mut builder = Server::builder()
        .port(args.port)
        .tls(args.tls)
        .controllers(!args.no_controllers);
    for user in &args.users {
        let (token, rest) = user.split_once('=').ok_or("a user needs a token")?;
        let mut parts = rest.split(',');
        let (name, uid) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        builder = builder.user(token, name, uid, parts);
    }
    let server = builder.start().await?;
    if let Some(path) = &args.kubeconfig {
        std::fs::write(path, server.kubeconfig())?;
    }
    println!("{}", server.url());
    tokio::signal::ctrl_c().await?;
    server.shutdown().await;
    Ok(())
}
