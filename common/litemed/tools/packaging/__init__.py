# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Making new bundles, packing them for a model zoo, verifying them as the zoo does, and a zoo of one's own."""
