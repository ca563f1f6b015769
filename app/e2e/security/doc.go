// SPDX-License-Identifier: Apache-2.0

// Package security holds the front door closed: a table of requirements, each
// with a test from outside, against the built program that runs as an
// unprivileged user. The sections are those of docs/threat-model.md. After the
// tests the table is printed with a result for every line.
package security
