"""Every program that a model can ask a card for, with the constants it is compiled with."""

from .ops_matrix import PROGRAMS as MATRIX
from .ops_quantised import PROGRAMS as QUANTISED
from .ops_sequence import PROGRAMS as SEQUENCE

PROGRAMS = (*MATRIX, *QUANTISED, *SEQUENCE)
