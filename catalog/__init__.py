"""What the city measures and promises: records, and the files they are read from. No I/O but its own files."""
