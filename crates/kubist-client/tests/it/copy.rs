//! Copying, with a server that runs the `tar` of this machine.

use std::{
    fs,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
};

use http::Request;
use hyper::body::Incoming;
use k8s_openapi::api::core::v1::Pod;
use kubist_client::{
    Api, Client,
    api::{CopyError, CopyParams, CopyProgress},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

use crate::{
    server::TestServer,
    ws::{self, FAILURE, SUCCESS, Socket, V4, V5, finish, hear, say},
};

/// A pod whose commands run here; `cut` ends its connections after so many bytes.
async fn pods(cut: Option<usize>) -> (TestServer, Api<Pod>) {
    let server = TestServer::http(move |request: Request<Incoming>| async move {
        let query = url_query(&request);
        assert!(
            query.contains(&("container".to_owned(), "main".to_owned())),
            "{query:?}"
        );
        let command: Vec<String> = query
            .into_iter()
            .filter_map(|(name, value)| (name == "command").then_some(value))
            .collect();
        ws::upgrade(request, V5, move |socket| run(socket, command, cut)).await
    })
    .await;
    let client = Client::try_from(server.config()).expect("valid");
    (server, Api::default_namespaced(client))
}

fn url_query(request: &Request<Incoming>) -> Vec<(String, String)> {
    let query = request.uri().query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

async fn run(mut socket: Socket, command: Vec<String>, cut: Option<usize>) {
    let mut process = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("tar");
    let mut stdin = process.stdin.take();
    let (mut stdout, mut stderr) = (
        process.stdout.take().expect("piped"),
        process.stderr.take().expect("piped"),
    );
    let mut room = cut.unwrap_or(usize::MAX);
    let mut buffer = vec![0; 1024];
    let mut has_output = true;
    while has_output {
        tokio::select! {
            length = stdout.read(&mut buffer) => {
                let length = length.expect("reads");
                has_output = length > 0;
                say(&mut socket, 1, &buffer[..length]).await;
                room = room.saturating_sub(length);
            }
            heard = hear(&mut socket), if stdin.is_some() => match heard {
                Some((0, data)) => {
                    room = room.saturating_sub(data.len());
                    // What it refuses, it says by its status.
                    let _ = stdin.as_mut().expect("is there").write_all(&data).await;
                }
                _ => stdin = None,
            },
        }
        if room == 0 {
            return;
        }
    }
    let mut complaint = Vec::new();
    stderr.read_to_end(&mut complaint).await.expect("reads");
    say(&mut socket, 2, complaint).await;
    let status = process.wait().await.expect("ends");
    finish(&mut socket, if status.success() { SUCCESS } else { FAILURE }).await;
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("has one")).expect("is made");
    fs::write(path, content).expect("is written");
}

fn params() -> CopyParams {
    CopyParams::default().container("main")
}

/// A directory with files of many sizes, and what they add up to.
fn tree(root: &Path) -> u64 {
    let sizes = [0, 1, 511, 512, 513, 70_000];
    for (index, size) in sizes.iter().enumerate() {
        write(&root.join(format!("-sub/\u{e4} {index}")), vec![b'x'; *size]);
    }
    fs::create_dir_all(root.join("empty")).expect("is made");
    sizes.iter().sum::<usize>() as u64
}

fn assert_same(left: &Path, right: &Path) {
    let mut names: Vec<_> = fs::read_dir(left)
        .expect("is there")
        .map(|entry| entry.expect("is there").file_name())
        .collect();
    names.sort();
    let mut others: Vec<_> = fs::read_dir(right)
        .expect("is there")
        .map(|entry| entry.expect("is there").file_name())
        .collect();
    others.sort();
    assert_eq!(names, others);
    for name in names {
        let (left, right) = (left.join(&name), right.join(&name));
        if left.is_dir() {
            assert_same(&left, &right);
        } else {
            assert_eq!(
                fs::read(left).expect("is there"),
                fs::read(right).expect("is there")
            );
        }
    }
}

#[tokio::test]
async fn directories_there_and_back() {
    let (_server, pods) = pods(None).await;
    let root = TempDir::new().expect("a directory");
    let (here, there, back) = (
        root.path().join("here"),
        root.path().join("there"),
        root.path().join("a/b/back"),
    );
    let bytes = tree(&here);
    let told = Arc::new(Mutex::new(Vec::<CopyProgress>::new()));
    let teller = told.clone();
    let params =
        params().on_progress(move |progress| teller.lock().expect("no panic").push(progress.clone()));
    let there_name = there.to_str().expect("text");

    let copied = pods
        .upload("a", &here, there_name, &params)
        .await
        .expect("copies");
    assert_eq!((copied.files, copied.bytes), (6, bytes));
    assert_same(&here, &there);
    let told = std::mem::take(&mut *told.lock().expect("no panic"));
    assert_eq!(told.last(), Some(&copied));
    assert!(told.is_sorted_by_key(|progress| (progress.bytes, progress.files)) && told.len() > 6);

    let copied = pods
        .download("a", &format!("{there_name}/"), &back, &params)
        .await
        .expect("copies");
    assert_eq!((copied.files, copied.bytes), (6, bytes));
    assert_same(&here, &back);
}

#[tokio::test]
async fn files_get_another_name() {
    let (_server, pods) = pods(None).await;
    let root = TempDir::new().expect("a directory");
    let [here, there, back] = ["here", "-there", "back"].map(|name| root.path().join(name));
    write(&here, "content");
    pods.upload("a", &here, there.to_str().expect("text"), &params())
        .await
        .expect("copies");
    assert_eq!(fs::read(&there).expect("is there"), b"content");
    pods.download("a", there.to_str().expect("text"), &back, &params())
        .await
        .expect("copies");
    assert_eq!(fs::read(&back).expect("is there"), b"content");
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_followed_out() {
    let (_server, pods) = pods(None).await;
    let root = TempDir::new().expect("a directory");
    let [here, back] = ["here", "back"].map(|name| root.path().join(name));
    write(&here.join("file"), "content");
    fs::hard_link(here.join("file"), here.join("same")).expect("is made");
    std::os::unix::fs::symlink("/etc", here.join("link")).expect("is made");
    pods.download("a", here.to_str().expect("text"), &back, &params())
        .await
        .expect("copies");
    assert_eq!(fs::read(back.join("same")).expect("is there"), b"content");
    assert!(fs::symlink_metadata(back.join("link")).is_err());
}

#[tokio::test]
async fn failures_are_told_apart() {
    let (_server, pods) = pods(None).await;
    let root = TempDir::new().expect("a directory");
    let missing = root.path().join("missing");
    let path = missing.to_str().expect("text");

    let error = pods
        .upload("a", &missing, "/tmp/x", &params())
        .await
        .expect_err("is missing");
    assert!(
        matches!(&error, CopyError::Local { path, .. } if *path == missing),
        "{error}"
    );
    let error = pods
        .download("a", path, &root.path().join("x"), &params())
        .await
        .expect_err("is missing");
    assert!(
        matches!(&error, CopyError::Remote { complaint, .. } if complaint.contains("missing")),
        "{error}"
    );
    write(&root.path().join("file"), "content");
    let into_nowhere = format!("{path}/x");
    let error = pods
        .upload("a", root.path().join("file"), &into_nowhere, &params())
        .await
        .expect_err("is missing");
    assert!(
        matches!(&error, CopyError::Remote { complaint, .. } if complaint.contains("missing")),
        "{error}"
    );
    let error = pods
        .download("a", "/", &missing, &params())
        .await
        .expect_err("has no name");
    assert!(matches!(error, CopyError::Nameless(_)));
}

#[tokio::test]
async fn a_cut_in_the_middle_is_no_success() {
    let (_server, pods) = pods(Some(20_000)).await;
    let root = TempDir::new().expect("a directory");
    let [here, there, back] = ["here", "there", "back"].map(|name| root.path().join(name));
    write(&here, vec![b'x'; 1_000_000]);
    pods.upload("a", &here, there.to_str().expect("text"), &params())
        .await
        .expect_err("is cut");
    pods.download("a", here.to_str().expect("text"), &back, &params())
        .await
        .expect_err("is cut");
}

/// Names come before files and are held; nobody's name is a mebibyte long.
#[tokio::test]
async fn a_name_without_end_is_refused() {
    const NAME: usize = 8 * 1024 * 1024;
    let server = TestServer::http(|request: Request<Incoming>| async move {
        ws::upgrade(request, V5, |mut socket| async move {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::GNULongName);
            header.set_path("long").expect("is a path");
            header.set_size(NAME as u64);
            header.set_cksum();
            say(&mut socket, 1, header.as_bytes()).await;
            for _ in 0..NAME / 1024 {
                say(&mut socket, 1, [b'a'; 1024]).await;
            }
            finish(&mut socket, SUCCESS).await;
        })
        .await
    })
    .await;
    let pods = Api::<Pod>::default_namespaced(Client::try_from(server.config()).expect("valid"));
    let root = TempDir::new().expect("a directory");
    let error = pods
        .download("a", "/x/y", &root.path().join("x"), &params())
        .await
        .expect_err("is too long");
    assert!(
        matches!(&error, CopyError::Archive(source) if source.kind() == std::io::ErrorKind::InvalidData),
        "{error}"
    );
}

/// A server of before Kubernetes 1.30 would not learn where the archive ends.
#[tokio::test]
async fn uploads_need_the_fifth_protocol() {
    let server = TestServer::http(|request: Request<Incoming>| async move {
        ws::upgrade(request, V4, |mut socket| async move {
            while hear(&mut socket).await.is_some() {}
        })
        .await
    })
    .await;
    let pods = Api::<Pod>::default_namespaced(Client::try_from(server.config()).expect("valid"));
    let root = TempDir::new().expect("a directory");
    write(&root.path().join("file"), "content");
    let error = pods
        .upload("a", root.path().join("file"), "/x/y", &params())
        .await
        .expect_err("cannot be ended");
    assert!(matches!(error, CopyError::Unsupported), "{error}");
}
