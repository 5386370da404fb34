"""``Ops`` on an NVIDIA card: raw kernels in *.cu and the Python that launches them."""
