// SPDX-License-Identifier: Apache-2.0

// Package config reads what people write: the configuration file and the
// definitions of declared providers, both in HCL.
//
// What is wrong is not one error but a list of Diagnostics, each with the file,
// the line, the offending text and how to mend it. A value that may be a secret
// never shows in them: of a setting that is not known to be harmless, only the
// name does.
package config
