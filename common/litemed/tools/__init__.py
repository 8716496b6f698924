# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""What a person calls: the command, and what it is made of."""
