// SPDX-License-Identifier: Apache-2.0

// Command standpipe-provider-google connects Google accounts: Gmail, Calendar,
// Drive and the other APIs, through a client of the user's own.
//
// Not verified against Google itself, and written so that either answer works:
// whether an incremental consent brings a new refresh token (the hub keeps the
// old one where it does not), whether the callback carries iss (checked where
// it does), and the exact texts of refused refreshes (any invalid_grant ends the
// connection; the text only chooses the words).
package main

import "github.com/standpipe/standpipe/sdk"

func main() { sdk.Serve(&provider{standard}) }
