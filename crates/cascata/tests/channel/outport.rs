//! A send to several channels, to none, and past a collector.
