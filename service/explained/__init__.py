"""What `tamis explain` tells of each kind of id, and how it looks on a terminal."""
