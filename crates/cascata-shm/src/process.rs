//! Processes as others see them: which one it is, and whether it lives.

use std::{fs, io};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::guard::pidfd_open;

/// A process among all that there were since the machine was started: numbers are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it began, in clock ticks since the machine was started.
    pub start: u64,
}

impl Identity {
    /// This process.
    ///
    /// # Errors
    ///
    /// `/proc` cannot be read.
    pub fn own() -> io::Result<Self> {
        let pid = std::process::id();
        let (_, start) = status(pid)?.ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { pid, start })
    }

    /// Whether the process has ended, even if its parent has not taken note of it yet.
    ///
    /// What cannot be found out counts as alive.
    pub fn has_ended(self) -> bool {
        match status(self.pid) {
            Ok(Some((state, start))) => start != self.start || state == b'X' || (state == b'Z' && self.is_reported()),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// Whether the whole process has ended: one whose first thread has ended may go on with others.
    fn is_reported(self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        match pidfd_open(self.pid) {
            Ok(pidfd) => poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&now)).is_ok_and(|ready| ready > 0),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

/// State and start of a process; nothing if there is none.
fn status(pid: u32) -> io::Result<Option<(u8, u64)>> {
    let line = match fs::read(format!("/proc/{pid}/stat")) {
        Ok(line) => line,
        // It ends in this moment.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
        // No such process, or no `/proc` at all.
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::exists("/proc/self/stat")? => return Ok(None),
        Err(error) => return Err(error),
    };
    parse(&line).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The third and the twenty-second field. The second, the name, stands in parentheses and may contain anything.
fn parse(line: &[u8]) -> Option<(u8, u64)> {
    let end = line.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(&line[end + 1..]).ok()?.split_ascii_whitespace();
    let state = fields.next()?.bytes().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Watchdog, fork, soon_readable};

    #[test]
    fn the_living_and_the_dead() {
        let _watchdog = Watchdog::new();
        assert!(!Identity::own().unwrap().has_ended());
        let child = fork(std::thread::park);
        let pid = child.pid();
        let (_, start) = status(pid).unwrap().unwrap();
        let identity = Identity { pid, start };
        assert!(!identity.has_ended());
        assert!(Identity { start: start + 1, ..identity }.has_ended(), "another one with the same number");
        child.kill();
        assert!(soon_readable(child.pidfd()));
        assert!(identity.has_ended(), "although nobody has waited for it");
        child.wait();
        assert!(identity.has_ended());
    }

    #[test]
    fn a_name_may_contain_anything() {
        let line = b"7 (a) S 1 (b) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 99 20";
        assert_eq!(parse(line), Some((b'R', 99)));
        assert_eq!(parse(b"nonsense"), None);
    }
}
