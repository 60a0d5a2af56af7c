//! Cross-process tests of shmframe: the roles, and what they share.
