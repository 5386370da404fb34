"""Every program that a model can ask a card for, with the constants it is compiled with."""

from app.kernels.cuda.ops_matrix import PROGRAMS as MATRIX
from app.kernels.cuda.ops_quantised import PROGRAMS as QUANTISED
from app.kernels.cuda.ops_sequence import PROGRAMS as SEQUENCE

PROGRAMS = (*MATRIX, *QUANTISED, *SEQUENCE)
