# The one command surface. `just` without arguments lists it.

_list:
    @just --list

# What CI runs, in its order.
ci:
    .ci/run

# Format everything.
fmt:
    cargo fmt --all

# Lints, as CI denies them.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# All tests.
test *args:
    cargo test --workspace {{args}}

# The tests of one crate, for example `just test-one runtime`.
test-one crate *args:
    cargo test -p kubist-{{crate}} {{args}}

# The client's tests with OpenSSL in place of rustls.
test-openssl *args:
    cargo test -p kubist-client --test it --no-default-features --features client,openssl-tls,http-proxy,socks5,oidc,oauth,gzip,ws {{args}}

# The demo: an operator in an embedded cluster.
demo *args:
    cargo run -p documents -- --embedded {{args}}

# An API server on a port, with a kubeconfig.
dev *args:
    cargo run -p kubist-cli -- dev {{args}}

# The API documentation, as CI denies its warnings.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

# The book; needs mdbook.
book:
    mdbook serve docs --open

# Licences, advisories and duplicate crates; needs cargo-deny.
deny:
    cargo deny check

# What is public here beside what is public in kube; skips where kube's listing is not at hand.
contract *args:
    cargo xtask contract {{args}}
