//! The rules of who may know whom, held over the workspace's metadata.
