// Every kernel's name, one a line; included where KERNEL is defined.
KERNEL(norm)
