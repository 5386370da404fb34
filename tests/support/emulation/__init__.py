"""A card made of the host's processor: the very kernels of app/kernels/cuda, compiled by g++.

Every array lies between bytes that are NaN as any float, so that what is read past its end spoils
the result, and what is written there is found by ``check``.
"""
