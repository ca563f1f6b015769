// SPDX-License-Identifier: Apache-2.0

// Command standpipe-provider-salesforce connects Salesforce orgs, production
// and sandboxes, through an External Client App or an older Connected App.
//
// Not verified against Salesforce itself, and written so that either answer
// works: whether introspection is allowed to the app (where it is not, a life is
// assumed, and an app that reports a refused token gets a new one), whether
// refresh tokens rotate, whether the app wants a secret on each leg (it is sent
// where there is one), whether the identity can be read with the scopes that
// were granted (the ids in the token answer are enough).
package main

import "github.com/standpipe/standpipe/sdk"

func main() { sdk.Serve(&provider{standard}) }
