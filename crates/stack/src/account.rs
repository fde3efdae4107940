//! Under whose account PostgreSQL and nginx's workers run, and where their files can be so that it reaches them.

use crate::secrets;
use anyhow::{Context, Result, ensure};
use nix::unistd::{Gid, Uid, User, chown, geteuid};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who runs the server.
#[derive(Clone, Copy, Debug)]
pub enum Account {
    /// Whoever runs the stack.
    Caller,
    /// An unprivileged user, because the caller is root: PostgreSQL refuses that, and nginx's workers need not be.
    Other(Uid, Gid),
}

impl Account {
    /// The caller unless it is root; then `preferred` where it exists, else `nobody`.
    pub fn choose(preferred: &str) -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self::Caller);
        }
        for name in [preferred, "nobody"] {
            if let Some(user) = User::from_name(name)? {
                return Ok(Self::Other(user.uid, user.gid));
            }
        }
        anyhow::bail!("run as root, an unprivileged account is needed, and there is neither {preferred} nor nobody")
    }

    /// Name of the other account; none when it is the caller.
    pub fn name(self) -> Result<Option<String>> {
        let Self::Other(uid, _) = self else {
            return Ok(None);
        };
        Ok(User::from_uid(uid)?.map(|user| user.name))
    }

    /// `command`, run under this account.
    pub fn run(self, mut command: Command) -> Command {
        if let Self::Other(uid, gid) = self {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        command
    }

    /// Gives `path` to this account.
    pub fn own(self, path: &Path) -> Result<()> {
        if let Self::Other(uid, gid) = self {
            chown(path, Some(uid), Some(gid)).with_context(|| format!("chown {}", path.display()))?;
        }
        Ok(())
    }

    /// A directory that belongs to this account alone: `wanted` if the account can get there, else one under
    /// /var/tmp with a name that is the same every time. The second value says why it moved.
    pub fn directory(self, wanted: &Path) -> Result<(PathBuf, Option<String>)> {
        let owner = match self {
            Self::Caller => geteuid(),
            Self::Other(uid, _) => uid,
        };
        let (place, notice) = self.reachable(wanted);
        make(&place, 0o700, owner, |path| self.own(path))?;
        Ok((place, notice))
    }

    /// Like [`Self::directory`], but the caller's own, through which this account passes to what it may read.
    pub fn passage(self, wanted: &Path) -> Result<(PathBuf, Option<String>)> {
        let (place, notice) = self.reachable(wanted);
        make(&place, 0o711, geteuid(), |_| Ok(()))?;
        Ok((place, notice))
    }

    fn reachable(self, wanted: &Path) -> (PathBuf, Option<String>) {
        let Some(wall) = self.wall_before(wanted) else {
            return (wanted.to_owned(), None);
        };
        let digest = rollcall_common::secret::sha256(wanted.as_os_str().as_encoded_bytes());
        let elsewhere = Path::new("/var/tmp").join(format!("rollcall-{}", secrets::hex(&digest[..8])));
        let notice = format!(
            "what would be in {} is in {}, because the account it runs under cannot enter {}",
            wanted.display(),
            elsewhere.display(),
            wall.display()
        );
        (elsewhere, Some(notice))
    }

    /// The first directory above `path` that this account cannot pass through.
    fn wall_before(self, path: &Path) -> Option<PathBuf> {
        let Self::Other(uid, gid) = self else {
            return None;
        };
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.reverse();
        let wall = above.into_iter().find(|directory| {
            fs::metadata(directory).is_ok_and(|found| {
                let execute = if found.uid() == uid.as_raw() {
                    0o100
                } else if found.gid() == gid.as_raw() {
                    0o010
                } else {
                    0o001
                };
                found.mode() & execute == 0
            })
        });
        wall.map(Path::to_owned)
    }
}

/// Makes `path` if it is missing, and refuses one that is not `owner`'s: in a shared place its owner could have put
/// anything into it.
fn make(path: &Path, mode: u32, owner: Uid, give: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if fs::symlink_metadata(path).is_err() {
        secrets::directory(path)?;
        give(path)?;
    }
    let found = fs::symlink_metadata(path)?;
    ensure!(found.is_dir() && found.uid() == owner.as_raw(), "{} is not a directory of user {owner}", path.display());
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_moves_out_of_a_directory_that_the_account_cannot_enter() {
        let closed = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let account = Account::Other(Uid::from_raw(65_534), Gid::from_raw(65_534));
        let wall = account.wall_before(&closed.path().join("run/postgres"));
        assert_eq!(wall.as_deref(), Some(closed.path()));
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o711)).unwrap();
        assert_eq!(account.wall_before(&closed.path().join("postgres")), None);
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused() {
        let own = tempfile::tempdir().unwrap();
        let link = own.path().join("link");
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        let said = Account::Caller.directory(&link).unwrap_err().to_string();
        assert!(said.contains("is not a directory of user"), "{said}");
    }
}
