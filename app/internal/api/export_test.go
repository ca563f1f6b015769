// SPDX-License-Identifier: Apache-2.0

package api

// OpenAPIJSON is OpenAPI, in JSON.
func OpenAPIJSON() ([]byte, error) { return document().MarshalJSON() }
