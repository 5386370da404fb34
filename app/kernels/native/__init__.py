"""The kernels in C++: sources, their build, and the operations that call them."""
