"""What search and grid share: runs on disk, the report, exports, the terminal."""
