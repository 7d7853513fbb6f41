"""Fast text primitives over Arrow buffers. Pure: no I/O; may import `schemas` alone of the other rooms."""
