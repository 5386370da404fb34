"""``Ops`` on an NVIDIA GPU: raw kernels in *.cu and the Python code that launches them."""
