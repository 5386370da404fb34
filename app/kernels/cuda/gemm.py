"""Translates a ``Product`` into the column-major matrices of cuBLAS; calls nothing.

A row-major matrix is, read column by column, its transpose.  So y = x w^T is requested as y^T = w
x^T: w is the first factor, x the second, and neither is copied.
"""

from typing import NamedTuple

from .device import Product

AS_IT_LIES, TRANSPOSED = 0, 1  # CUBLAS_OP_N, CUBLAS_OP_T


class Gemm(NamedTuple):
    """C (m, n) = op(A) (m, k) times B (k, n), ``stack`` of them, as cuBLAS counts.

    A is w, B is x, C is y; a leading dimension ``ld*`` is the distance from one column to the
    next, a ``step_*`` from one matrix to the next, all in numbers.
    """

    op_a: int
    m: int
    n: int
    k: int
    ld_a: int
    ld_b: int
    ld_c: int
    step_a: int
    step_b: int
    step_c: int
    stack: int
    beta: float


def gemm(product: Product) -> Gemm:
    """The same product in column-major terms."""
    p = product
    return Gemm(
        op_a=AS_IT_LIES if p.upright else TRANSPOSED,
        m=p.outputs,
        n=p.rows,
        k=p.width,
        ld_a=p.outputs if p.upright else p.width,
        ld_b=p.width,
        ld_c=p.pitch,
        step_a=p.w_step,
        step_b=p.x_step,
        step_c=p.y_step,
        stack=p.stack,
        beta=1.0 if p.adds else 0.0,
    )
