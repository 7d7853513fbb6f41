"""Fast text primitives over Arrow buffers. Pure: no I/O; of the other rooms it may import `schemas` alone.

Kernels are compiled by Numba at their first call (about 10 s for all of them) and cached beside the modules, or in the user's cache
folder where these cannot be written; `NUMBA_CACHE_DIR` moves it. Numba knows a kernel's cache stale by its own file alone: after a
change to what kernels of other modules inline (`text.decode`, `words.next_word_state`), remove `columnar/__pycache__`.
"""
