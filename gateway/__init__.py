"""What touches a socket, a disk, a clock or a person."""
