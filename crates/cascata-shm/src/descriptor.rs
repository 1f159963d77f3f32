//! Descriptors that are known by their number: those that a spawned process was started with.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// A duplicate of the descriptor `number`, which stays whoever's it is. Programs that this process starts do not get it.
///
/// # Errors
///
/// There is no such descriptor, or the system has none left.
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call reads nothing but its arguments; a number that is no descriptor is an error.
    match unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: the descriptor has just been made and belongs to nobody else.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::duplicate;
    use crate::Region;

    #[test]
    fn a_duplicate_opens_the_same() {
        let region = Region::create(1).unwrap();
        let fd = duplicate(region.fd().as_raw_fd()).unwrap();
        assert_eq!(Region::open(fd).unwrap().len(), region.len());
    }

    #[test]
    fn a_number_without_descriptor_is_refused() {
        assert_eq!(duplicate(-1).unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}
