"""Projects that `mlagent init` writes; each folder is one."""
