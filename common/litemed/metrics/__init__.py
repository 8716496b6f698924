# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
