# SPDX-License-Identifier: MIT
"""snapjar where pickles travel: a module for each framework, which imports that framework and nothing else."""
