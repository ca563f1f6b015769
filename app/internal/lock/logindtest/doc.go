// SPDX-License-Identifier: Apache-2.0

// Package logindtest simulates systemd-logind on a bus of its own, for tests.
package logindtest
