//! Archives of what is copied.

use std::{
    cell::Cell,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Component, Path, PathBuf},
};

use tar::{Archive, Builder, Entry, EntryType, Header};

use super::{CopyError, CopyProgress, progress::Reporter};

/// How much is read or written at once.
const BUFFER: usize = 64 * 1024;

/// How many bytes an archive may have between two files: headers and long names, which are held.
const MAX_HEADERS: u64 = 1024 * 1024;

fn at(path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |source| CopyError::Local { path, source }
}

/// Writes an archive of a file or a directory, which has another name there.
pub(super) fn pack(
    local: &Path,
    name: &str,
    output: impl Write,
    reporter: Reporter,
) -> Result<CopyProgress, CopyError> {
    let mut builder = Builder::new(BufWriter::with_capacity(BUFFER, output));
    builder.follow_symlinks(false);
    let mut packer = Packer { builder, reporter };
    // What is asked for is copied, also through a link.
    let local = local.canonicalize().map_err(at(local))?;
    packer.pack(&local, Path::new(name))?;
    let mut output = packer.builder.into_inner().map_err(CopyError::Archive)?;
    output.flush().map_err(CopyError::Archive)?;
    Ok(packer.reporter.into_progress())
}

struct Packer<W: Write> {
    builder: Builder<W>,
    reporter: Reporter,
}

impl<W: Write> Packer<W> {
    fn pack(&mut self, local: &Path, name: &Path) -> Result<(), CopyError> {
        let kind = fs::symlink_metadata(local).map_err(at(local))?.file_type();
        if kind.is_dir() {
            self.builder.append_dir(name, local).map_err(CopyError::Archive)?;
            let mut children: Vec<PathBuf> = fs::read_dir(local)
                .and_then(|children| children.map(|child| Ok(child?.path())).collect())
                .map_err(at(local))?;
            children.sort();
            for child in children {
                let name = child.file_name().map(|child| name.join(child));
                self.pack(&child, &name.unwrap_or_default())?;
            }
            Ok(())
        } else if kind.is_file() {
            self.pack_file(local, name)
        } else if kind.is_symlink() {
            self.builder
                .append_path_with_name(local, name)
                .map_err(CopyError::Archive)
        } else {
            tracing::warn!(path = %local.display(), "left out: neither a file, a directory nor a link");
            Ok(())
        }
    }

    fn pack_file(&mut self, local: &Path, name: &Path) -> Result<(), CopyError> {
        let file = File::open(local).map_err(at(local))?;
        let metadata = file.metadata().map_err(at(local))?;
        let mut header = Header::new_gnu();
        header.set_metadata(&metadata);
        self.reporter.begin(local.to_owned());
        // An archive says the length before; what is appended meanwhile is not copied.
        let mut content = Whole {
            file,
            missing: metadata.len(),
            failure: None,
        };
        let appended = self
            .builder
            .append_data(&mut header, name, self.reporter.count(&mut content));
        if let Some(failure) = content.failure {
            return Err(at(local)(failure));
        }
        appended.map_err(CopyError::Archive)?;
        self.reporter.end();
        Ok(())
    }
}

/// As much of a file as it had; remembers that the file failed, and not who reads it.
struct Whole {
    file: File,
    missing: u64,
    failure: Option<io::Error>,
}

impl Read for &mut Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.missing)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let Some(buffer) = buffer.get_mut(..room).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        let failure = match self.file.read(buffer) {
            Ok(0) => io::Error::new(io::ErrorKind::UnexpectedEof, "became shorter while it was copied"),
            Ok(length) => {
                self.missing -= length as u64;
                return Ok(length);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => error,
        };
        let kind = failure.kind();
        self.failure = Some(failure);
        Err(kind.into())
    }
}

/// Makes what an archive has of one name, under another.
pub(super) fn unpack(
    local: &Path,
    name: &str,
    input: impl Read,
    reporter: Reporter,
) -> Result<CopyProgress, CopyError> {
    let room = Cell::new(MAX_HEADERS);
    let mut input = Bounded {
        input: BufReader::with_capacity(BUFFER, input),
        room: &room,
    };
    let mut archive = Archive::new(&mut input);
    let mut unpacker = Unpacker {
        local,
        name,
        reporter,
    };
    for entry in archive.entries().map_err(CopyError::Archive)? {
        let mut entry = entry.map_err(CopyError::Archive)?;
        room.set(u64::MAX);
        unpacker.unpack(&mut entry)?;
        io::copy(&mut entry, &mut io::sink()).map_err(CopyError::Archive)?;
        room.set(MAX_HEADERS);
    }
    room.set(u64::MAX);
    // Whoever writes may still pad its last block.
    io::copy(&mut input, &mut io::sink()).map_err(CopyError::Archive)?;
    Ok(unpacker.reporter.into_progress())
}

/// An archive of which no more is read than there is room for.
struct Bounded<'a, R> {
    input: R,
    room: &'a Cell<u64>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        let Some(room) = self.room.get().checked_sub(length as u64) else {
            let message = format!("the header of a file is longer than {MAX_HEADERS} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        };
        self.room.set(room);
        Ok(length)
    }
}

struct Unpacker<'a> {
    local: &'a Path,
    name: &'a str,
    reporter: Reporter,
}

impl Unpacker<'_> {
    fn unpack<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<(), CopyError> {
        let path = entry.path().map_err(CopyError::Archive)?.into_owned();
        let target = self.target(&path)?;
        match entry.header().entry_type() {
            EntryType::Directory => fs::create_dir_all(&target).map_err(at(&target)),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.unpack_file(entry, target)
            }
            // The second name of a file that the archive has already.
            EntryType::Link => {
                let first = entry.link_name().map_err(CopyError::Archive)?.unwrap_or_default();
                let first = self.target(&first)?;
                make_parent(&target)?;
                fs::copy(&first, &target).map_err(at(&target))?;
                self.reporter.begin(target);
                self.reporter.end();
                Ok(())
            }
            EntryType::XGlobalHeader => Ok(()),
            _ => {
                tracing::warn!(path = %path.display(), "left out: neither a file nor a directory");
                Ok(())
            }
        }
    }

    fn unpack_file<R: Read>(&mut self, entry: &mut Entry<'_, R>, target: PathBuf) -> Result<(), CopyError> {
        make_parent(&target)?;
        self.reporter.begin(target.clone());
        let mut file = File::create(&target).map_err(at(&target))?;
        set_mode(&file, entry.header()).map_err(at(&target))?;
        let mut content = self.reporter.count(entry);
        let mut buffer = vec![0; BUFFER];
        loop {
            let length = content.read(&mut buffer).map_err(CopyError::Archive)?;
            let Some(piece) = buffer.get(..length).filter(|piece| !piece.is_empty()) else {
                break;
            };
            file.write_all(piece).map_err(at(&target))?;
        }
        self.reporter.end();
        Ok(())
    }

    /// Where something of the archive goes.
    fn target(&self, path: &Path) -> Result<PathBuf, CopyError> {
        let astray = || CopyError::Unsafe {
            path: path.to_owned(),
        };
        let mut components = path
            .components()
            .filter(|component| *component != Component::CurDir);
        if components.next() != Some(Component::Normal(self.name.as_ref())) {
            return Err(astray());
        }
        let mut target = self.local.to_owned();
        for component in components {
            let Component::Normal(name) = component else {
                return Err(astray());
            };
            target.push(name);
        }
        Ok(target)
    }
}

fn make_parent(path: &Path) -> Result<(), CopyError> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => fs::create_dir_all(parent).map_err(at(parent)),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn set_mode(file: &File, header: &Header) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    // Neither the user nor the group that a bit lets it run as exists here.
    let mode = header.mode()? & 0o777;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: &Header) -> io::Result<()> {
    Ok(())
}
