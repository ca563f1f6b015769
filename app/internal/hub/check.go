// SPDX-License-Identifier: Apache-2.0

package hub

// Check is one step of a test of an integration.
type Check struct {
	Step    CheckStep
	Result  CheckResult
	Message string // what was seen, in words
	Remedy  string // with failed and unclear; may be empty
	Field   string // of the integration, where one is to blame
}

// CheckStep is what a check looks at, in the order in which they are made.
type CheckStep string

// The steps.
const (
	CheckCredentials CheckStep = "credentials" // id and secret have the form of such
	CheckAddresses   CheckStep = "addresses"   // the authorization URL can be made: discovery, settings
	CheckPage        CheckStep = "page"        // the page to which the browser will be sent answers
	CheckToken       CheckStep = "token"       // the token endpoint knows the client
)

// CheckResult is how a step went.
type CheckResult string

// The results.
const (
	CheckOK      CheckResult = "ok"
	CheckFailed  CheckResult = "failed"  // connecting will not work
	CheckUnclear CheckResult = "unclear" // it may
	CheckSkipped CheckResult = "skipped"
)

// Preview shows what a custom provider would do.
type Preview struct {
	// AuthorizationURL has stand-ins in the place of what is random.
	AuthorizationURL string
	RedirectURI      string
	Hosts            []string // host:port, all that will be called
}
